package mirin

import (
	"errors"
	"runtime"
	"testing"
)

type owner struct {
	handle handle[int]
}

func newOwner(freed chan<- int) *owner {
	o := &owner{}
	set(o, &o.handle, 7, func(object int) { freed <- object })
	return o
}

func TestHandleFreesWhatIsDropped(t *testing.T) {
	freed := make(chan int, 1)
	newOwner(freed)
	runtime.GC()
	if object := <-freed; object != 7 {
		t.Error(object)
	}
}

func TestHandleFreesOnce(t *testing.T) {
	freed := make(chan int, 2)
	o := newOwner(freed)
	for range 2 {
		if err := o.handle.close(); err != nil {
			t.Error(err)
		}
	}
	o = nil
	runtime.GC()
	newOwner(freed) // its cleanup comes after one of o, were there one
	runtime.GC()
	<-freed
	<-freed
	if len(freed) != 0 {
		t.Error("freed twice")
	}
}

func TestHandleKeepsTheOwnerWhileItIsUsed(t *testing.T) {
	freed := make(chan int, 1)
	h := &newOwner(freed).handle
	object, err := h.use()
	if err != nil || object != 7 {
		t.Fatal(object, err)
	}
	runtime.GC()
	select {
	case <-freed:
		t.Error("freed while it is used")
	default:
	}
	h.release()
	if err := h.close(); err != nil {
		t.Error(err)
	}
	if _, err := h.use(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
