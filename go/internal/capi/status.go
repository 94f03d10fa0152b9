package capi

// Status is what a fallible call returns.
type Status struct{ status uintptr }

// Take reports whether the status is an error, its code and its message, and frees it.
func (s Status) Take() (code int32, message string, failed bool) {
	if s.status == 0 {
		return 0, "", false
	}
	defer statusDestroy.call(s.status)
	return int32(statusCode.call(s.status)), goString(statusMessage.call(s.status)), true
}

// Version is the library's release.
func Version() string { return goString(versionString.call()) }

// Devices gives the names and descriptions of the devices.
func Devices() (names, descriptions []string) {
	for i := range deviceCount.call() {
		names = append(names, goString(deviceName.call(i)))
		descriptions = append(descriptions, goString(deviceDescription.call(i)))
	}
	return names, descriptions
}
