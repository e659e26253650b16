//go:build unix && !linux && !darwin && !portable

package fsys

func renameNew(from int, name string, to int, toName string) error {
	return renameChecked(from, name, to, toName)
}
