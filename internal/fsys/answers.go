package fsys

import "fmt"

// Answers returns an error if the directory cannot even be opened any more:
// its file system was on another machine or on a disk that is gone, and every
// path of it is. It says nothing about single paths, nor about permissions.
func (d *Dir) Answers() error {
	again, err := d.OpenDirAt(".")
	switch {
	case err == nil:
		again.Close()
		return nil
	case ClassOf(err) == ClassIO || ClassOf(err) == ClassOther:
		return fmt.Errorf("its file system does not answer any more: %w", err)
	}
	return nil
}
