//go:build windows || portable

package fsys

const portableBuild = true
