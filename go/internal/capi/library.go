// Package capi holds the calls into Mirin's C API: its functions take and give Go values where that costs nothing, and handles
// of C objects otherwise. It keeps no Go pointer in C beyond a call, frees nothing by itself, and checks no handle.
package capi

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"

	lib "mirin.dev/go/internal/lib/linux_amd64"
)

const (
	// LibraryVariable is the environment variable that names the library or its folder.
	LibraryVariable = "MIRIN_LIBRARY_PATH"

	library          = "libmirin.so.1"
	converterLibrary = "libmirin_converter.so.1"
	servingLibrary   = "libmirin_serving.so.1"
)

var (
	opened          atomic.Bool
	converterOpened atomic.Bool
	servingOpened   atomic.Bool
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
		reason := load(path, coreFunctions)
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
func OpenConverter() error { return openBeside(converterLibrary, converterFunctions, &converterOpened) }

// OpenServing opens the server, which lies beside the library.
func OpenServing() error { return openBeside(servingLibrary, servingFunctions, &servingOpened) }

func openBeside(name string, functions []*function, isOpen *atomic.Bool) error {
	if isOpen.Load() {
		return nil
	}
	if err := Open(); err != nil {
		return err
	}
	opening.Lock()
	defer opening.Unlock()
	if isOpen.Load() {
		return nil
	}
	path := filepath.Join(filepath.Dir(Path()), name)
	if reason := load(path, functions); reason != "" {
		return fmt.Errorf("cannot open %s; tried\n  %s: %s", name, path, reason)
	}
	isOpen.Store(true)
	return nil
}

// Path is the path of the open library, "" before.
func Path() string {
	if !opened.Load() {
		return ""
	}
	dladdr, err := purego.Dlsym(purego.RTLD_DEFAULT, "dladdr")
	if err != nil {
		return ""
	}
	var info struct{ file, base, symbol, address uintptr } // Dl_info
	if found, _, _ := purego.SyscallN(dladdr, apiVersion.address, uintptr(unsafe.Pointer(&info))); int32(found) == 0 {
		return ""
	}
	path, err := filepath.EvalSymlinks(goString(info.file))
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return ""
	}
	return path
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
	for _, folder := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
		if folder != "" {
			paths = append(paths, filepath.Join(folder, library))
		}
	}
	if folder := lib.Folder(); folder != "" {
		paths = append(paths, filepath.Join(folder, library))
	}
	// A bare name: the program's run path, the loader's cache and folders.
	return append(paths, library, "/usr/local/lib/"+library, "/opt/mirin/lib/"+library)
}

// loaderFolders are those where the system's loader looks.
func loaderFolders() string {
	dlinfo, err := purego.Dlsym(purego.RTLD_DEFAULT, "dlinfo")
	if err != nil {
		return ""
	}
	self, err := purego.Dlopen("", purego.RTLD_NOW)
	if err != nil {
		return ""
	}
	const serinfo, serinfoSize = 4, 5 // RTLD_DI_SERINFO, RTLD_DI_SERINFOSIZE
	type header struct {              // Dl_serinfo
		size  uintptr
		count uint32
	}
	type entry struct { // Dl_serpath
		name  uintptr
		flags uint32
	}
	var needed header
	if failed, _, _ := purego.SyscallN(dlinfo, self, serinfoSize, uintptr(unsafe.Pointer(&needed))); int32(failed) != 0 {
		return ""
	}
	info := make([]header, needed.size/unsafe.Sizeof(header{})+1)
	info[0] = needed
	if failed, _, _ := purego.SyscallN(dlinfo, self, serinfo, uintptr(unsafe.Pointer(&info[0]))); int32(failed) != 0 {
		return ""
	}
	folders := make([]string, needed.count)
	for i := range folders {
		folders[i] = goString((*entry)(unsafe.Pointer(&info[1+i])).name)
	}
	runtime.KeepAlive(info) // the names lie behind the entries
	return strings.Join(folders, ":")
}
