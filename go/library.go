package mirin

import (
	"fmt"
	"strings"

	"mirin.dev/go/internal/capi"
)

// SetLibraryPath names the library's file, or its folder, before anything needs it; then it is looked for nowhere else. It fails
// with [FailedPrecondition] once the library is open.
func SetLibraryPath(path string) error {
	if !capi.SetLibraryPath(path) {
		return &Error{Code: FailedPrecondition, Message: "the library is open already: " + capi.Path()}
	}
	return nil
}

// LibraryPath is the file of the library, which it opens if need be.
func LibraryPath() (string, error) {
	if err := open(); err != nil {
		return "", err
	}
	return capi.Path(), nil
}

// Version is the library's release, such as "0.1.0".
func Version() (string, error) {
	if err := open(); err != nil {
		return "", err
	}
	return capi.Version(), nil
}

// A Device is something that runs models.
type Device struct {
	Name        string // for [SessionOptions]
	Description string // for people
}

// Devices lists the devices that the library knows.
func Devices() ([]Device, error) {
	if err := open(); err != nil {
		return nil, err
	}
	names, descriptions := capi.Devices()
	devices := make([]Device, len(names))
	for i := range names {
		devices[i] = Device{names[i], descriptions[i]}
	}
	return devices, nil
}

// A LogLevel says how much the library tells.
type LogLevel int32

// The levels. The environment variable MIRIN_LOG sets the first one; without it nothing is said.
const (
	LogOff     LogLevel = 0
	LogError   LogLevel = 1
	LogWarning LogLevel = 2
	LogInfo    LogLevel = 3
	LogDebug   LogLevel = 4
)

// SetLogLevel changes the level, of the whole process.
func SetLogLevel(level LogLevel) error {
	if err := open(); err != nil {
		return err
	}
	return check(capi.SetLogLevel(int32(level)))
}

// SetLogger sends what the library tells to f instead of standard error, for the whole process; nil brings standard error back. f is
// called on any thread, once at a time, and must not use this package. When SetLogger returns, the f before will not be called again.
func SetLogger(f func(level LogLevel, message string)) error {
	if err := open(); err != nil {
		return err
	}
	if f == nil {
		capi.SetLogger(nil)
	} else {
		capi.SetLogger(func(level int32, message string) { f(LogLevel(level), message) })
	}
	return nil
}

func open() error {
	if err := capi.Open(); err != nil {
		return &Error{Code: Unavailable, Message: err.Error()}
	}
	return nil
}

// checkTexts refuses what C would read as a shorter text.
func checkTexts(what string, texts ...string) error {
	for _, text := range texts {
		if strings.ContainsRune(text, 0) {
			return invalid("%s has a zero byte: %s", what, fmt.Sprintf("%q", text))
		}
	}
	return nil
}
