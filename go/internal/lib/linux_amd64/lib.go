// Package lib is the folder where a released module carries Mirin's libraries.
package lib

import (
	"path/filepath"
	"runtime"
)

// Folder is where the folder was when the program was built; "" in programs that were built with -trimpath.
func Folder() string {
	_, file, _, _ := runtime.Caller(0)
	if !filepath.IsAbs(file) {
		return ""
	}
	return filepath.Dir(file)
}
