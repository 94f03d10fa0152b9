package mirin

import (
	"context"
	"errors"
	"fmt"

	"mirin.dev/go/internal/capi"
)

// A Code tells kinds of errors apart. It is an error itself, to compare with:
//
//	if errors.Is(err, mirin.NotFound) { ... }
type Code int32

// The codes; their numbers are those of gRPC.
const (
	Cancelled          Code = 1  // the context of a run was cancelled
	Unknown            Code = 2  // an operating system error without a better code
	InvalidArgument    Code = 3  // a wrong dtype or shape, a number out of range
	DeadlineExceeded   Code = 4  // a run took longer than it was given
	NotFound           Code = 5  // a file, a device
	PermissionDenied   Code = 7  // an unreadable file, a wrong decryption key
	ResourceExhausted  Code = 8  // memory, a full queue, or a limit that guards against damaged models
	FailedPrecondition Code = 9  // a missing key, a closed object
	Unimplemented      Code = 12 // an operator, dtype or file feature that is not supported
	Internal           Code = 13 // a defect of the library
	Unavailable        Code = 14 // a device, or the library itself, is missing; an address is in use
	DataLoss           Code = 15 // a damaged model
)

var codeNames = map[Code]string{
	Cancelled: "CANCELLED", Unknown: "UNKNOWN", InvalidArgument: "INVALID_ARGUMENT", DeadlineExceeded: "DEADLINE_EXCEEDED",
	NotFound: "NOT_FOUND", PermissionDenied: "PERMISSION_DENIED", ResourceExhausted: "RESOURCE_EXHAUSTED",
	FailedPrecondition: "FAILED_PRECONDITION", Unimplemented: "UNIMPLEMENTED", Internal: "INTERNAL", Unavailable: "UNAVAILABLE",
	DataLoss: "DATA_LOSS",
}

// String is the code's name, such as INVALID_ARGUMENT.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "UNKNOWN"
}

// Error is String.
func (c Code) Error() string { return c.String() }

// Error is what went wrong.
type Error struct {
	Code    Code
	Message string // for people

	cause error // of a context
}

// ErrClosed is the error of every use of a closed Model, Session, Pool or Server.
var ErrClosed error = &Error{Code: FailedPrecondition, Message: "it was closed"}

func (e *Error) Error() string { return fmt.Sprintf("mirin: %s (%s)", e.Message, e.Code) }

// Is makes the error equal to its code, and to the context's error where a context ended the run.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Code == Cancelled
	case context.DeadlineExceeded:
		return e.Code == DeadlineExceeded
	}
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap is the cause that a context gave, or nil.
func (e *Error) Unwrap() error { return e.cause }

func check(status capi.Status) error {
	code, message, failed := status.Take()
	if !failed {
		return nil
	}
	return &Error{Code: Code(code), Message: message}
}

func invalid(format string, arguments ...any) error {
	return &Error{Code: InvalidArgument, Message: fmt.Sprintf(format, arguments...)}
}

// contextError is the error of a run that was not begun, or was ended, because of ctx.
func contextError(ctx context.Context, message string) error {
	code := Cancelled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code = DeadlineExceeded
	}
	return &Error{Code: code, Message: message, cause: context.Cause(ctx)}
}
