package capi

import (
	"sync"
	"sync/atomic"

	"github.com/ebitengine/purego"
)

var logger atomic.Pointer[func(level int32, message string)]

// logSink is a mirin_log_sink that calls the logger; it is made once, since callbacks are never freed.
var logSink = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(level int32, message, context uintptr) { (*logger.Load())(level, goString(message)) })
})

// SetLogLevel is mirin_log_set_level.
func SetLogLevel(level int32) Status { return logSetLevel.status(uintptr(level)) }

// SetLogger is mirin_log_set_sink; nil brings standard error back.
func SetLogger(f func(level int32, message string)) {
	if f == nil {
		logSetSink.call(0, 0)
		return
	}
	logger.Store(&f)
	logSetSink.call(logSink(), 0)
}
