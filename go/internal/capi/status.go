package capi

// #include "shim.h"
import "C"

// Status is what a fallible call returns.
type Status struct{ status *C.mirin_status }

// Take reports whether the status is an error, its code and its message, and frees it.
func (s Status) Take() (code int32, message string, failed bool) {
	if s.status == nil {
		return 0, "", false
	}
	defer C.mirin_status_destroy(s.status)
	return int32(C.mirin_status_code(s.status)), C.GoString(C.mirin_status_message(s.status)), true
}

// Version is the library's release.
func Version() string { return C.GoString(C.mirin_version_string()) }

// Devices gives the names and descriptions of the devices.
func Devices() (names, descriptions []string) {
	for i := range C.mirin_device_count() {
		names = append(names, C.GoString(C.mirin_device_name(i)))
		descriptions = append(descriptions, C.GoString(C.mirin_device_description(i)))
	}
	return names, descriptions
}
