package mirin

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// living is the number of C objects that are not freed, for tests.
var living atomic.Int64

// A handle guards a C object: uses run side by side, close waits for them and frees it, later uses are ErrClosed. What owns a
// handle has it as a field, so that a use keeps the owner, and with it the C object, from the garbage collector.
type handle[T comparable] struct {
	mu      sync.RWMutex
	object  T // zero once closed
	destroy func(T)
	cleanup runtime.Cleanup
}

// set takes the object over. When owner, which has the handle as a field, is garbage, the object is freed.
func set[T comparable, O any](owner *O, h *handle[T], object T, destroy func(T)) {
	living.Add(1)
	h.object = object
	h.destroy = func(object T) {
		destroy(object)
		living.Add(-1)
	}
	h.cleanup = runtime.AddCleanup(owner, h.destroy, object)
}

// use gives the object, which stays until release.
func (h *handle[T]) use() (T, error) {
	h.mu.RLock()
	var none T
	if h.object == none {
		h.mu.RUnlock()
		return none, ErrClosed
	}
	stress()
	return h.object, nil
}

func (h *handle[T]) release() {
	stress()
	h.mu.RUnlock()
}

func (h *handle[T]) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var none T
	if h.object != none {
		h.cleanup.Stop()
		h.destroy(h.object)
		h.object = none
	}
	return nil
}
