// Package capi holds the calls into Mirin's C API: its functions take and give Go values where that costs nothing, and handles
// of C objects otherwise. It keeps no Go pointer in C beyond a call, frees nothing by itself, and checks no handle.
package capi

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../../c_api/include
#cgo CFLAGS: -std=gnu11 -Wall -Wextra -Wno-unused-parameter
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	_ "mirin.dev/go/internal/capi/mirin" // the headers, in a released module
)

const (
	// LibraryVariable is the environment variable that names the library or its folder.
	LibraryVariable = "MIRIN_LIBRARY_PATH"

	library   = "libmirin.so.1"
	converter = "libmirin_converter.so.1"
)

var (
	opened          atomic.Bool
	converterOpened atomic.Bool
	opening         sync.Mutex
	libraryPath     string
)

// SetLibraryPath says where Open looks, and nowhere else: the library's file, or its folder. It is false once the library is open.
func SetLibraryPath(path string) bool {
	opening.Lock()
	defer opening.Unlock()
	if opened.Load() {
		return false
	}
	libraryPath = path
	return true
}

// Open opens the library unless it is open. The error lists what was tried.
func Open() error {
	if opened.Load() {
		return nil
	}
	opening.Lock()
	defer opening.Unlock()
	if opened.Load() {
		return nil
	}
	var tried []string
	for _, path := range candidates() {
		reason := open(path, false)
		if reason == "" {
			opened.Store(true)
			return nil
		}
		if path == library {
			path = "the system's loader, in " + loaderFolders()
		}
		tried = append(tried, fmt.Sprintf("\n  %s: %s", path, reason))
	}
	return fmt.Errorf("cannot open %s (name it by SetLibraryPath or %s); tried%s", library, LibraryVariable, strings.Join(tried, ""))
}

// OpenConverter opens the converter, which lies beside the library.
func OpenConverter() error {
	if converterOpened.Load() {
		return nil
	}
	if err := Open(); err != nil {
		return err
	}
	opening.Lock()
	defer opening.Unlock()
	if converterOpened.Load() {
		return nil
	}
	path := filepath.Join(filepath.Dir(Path()), converter)
	if reason := open(path, true); reason != "" {
		return fmt.Errorf("cannot open %s; tried\n  %s: %s", converter, path, reason)
	}
	converterOpened.Store(true)
	return nil
}

// Path is the path of the open library, "" before.
func Path() string {
	if !opened.Load() {
		return ""
	}
	return take(C.capi_path())
}

func candidates() []string {
	for _, path := range []string{libraryPath, os.Getenv(LibraryVariable)} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, library)
		}
		if !strings.Contains(path, "/") {
			path = "./" + path
		}
		return []string{path}
	}
	var paths []string
	if executable, err := os.Executable(); err == nil {
		folder := filepath.Dir(executable)
		paths = append(paths, filepath.Join(folder, library), filepath.Join(folder, "lib", library))
	}
	// A bare name: LD_LIBRARY_PATH, the run path (the module's libraries), the loader's cache and folders.
	return append(paths, library, "/usr/local/lib/"+library, "/opt/mirin/lib/"+library)
}

// open gives the reason why it cannot, or "".
func open(path string, converter bool) string {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	return strings.TrimPrefix(take(C.capi_open(cPath, C.bool(converter))), path+": ")
}

func loaderFolders() string {
	folders := strings.Fields(take(C.capi_loader_folders()))
	return strings.Join(folders, ":")
}

// take makes a Go string of a C string and frees it.
func take(text *C.char) string {
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text)
}
