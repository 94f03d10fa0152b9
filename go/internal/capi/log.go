package capi

// #include "shim.h"
import "C"

import "sync/atomic"

var logger atomic.Pointer[func(level int32, message string)]

// SetLogLevel is mirin_log_set_level.
func SetLogLevel(level int32) Status { return Status{C.mirin_log_set_level(C.mirin_log_level(level))} }

// SetLogger is mirin_log_set_sink; nil brings standard error back.
func SetLogger(f func(level int32, message string)) {
	if f == nil {
		C.capi_log_to_go(false)
		return
	}
	logger.Store(&f)
	C.capi_log_to_go(true)
}

//export capi_go_log
func capi_go_log(level C.int, message *C.char) { (*logger.Load())(int32(level), C.GoString(message)) }
