package capi

import (
	"testing"

	"github.com/ebitengine/purego"
)

// The library tells things on threads that Go knows nothing of.
func TestLoggerIsCalledOnThreadsOfC(t *testing.T) {
	symbol := func(name string) uintptr {
		t.Helper()
		address, err := purego.Dlsym(purego.RTLD_DEFAULT, name)
		if err != nil {
			t.Fatal(err)
		}
		return address
	}
	create, join := symbol("pthread_create"), symbol("pthread_join")
	var told []string
	tell := func(level int32, message string) {
		if level != 3 {
			t.Error("level", level)
		}
		told = append(told, message)
	}
	logger.Store(&tell)
	var m memory
	defer m.Unpin()
	message := m.text("hello")
	start := purego.NewCallback(func(uintptr) uintptr {
		purego.SyscallN(logSink(), 3, message, 0)
		return 0
	})
	thread := make([]uintptr, 1)
	for range 100 {
		if failed, _, _ := purego.SyscallN(create, array(&m, thread), 0, start, 0); int32(failed) != 0 {
			t.Fatal(failed)
		}
		if failed, _, _ := purego.SyscallN(join, thread[0], 0); int32(failed) != 0 {
			t.Fatal(failed)
		}
	}
	if len(told) != 100 || told[99] != "hello" {
		t.Error(told)
	}
}
