// Package lib is the folder where a released module carries Mirin's libraries. Programs that are built with the module look
// there by their run path.
package lib

// #cgo LDFLAGS: -Wl,-rpath,${SRCDIR}
import "C"
