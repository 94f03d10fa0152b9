// Package mirin runs and serves MindIR models.
//
//	model, err := mirin.Load("net.mindir")
//	session, err := model.NewSession(nil)
//	x, err := mirin.NewTensor([]int{1, 4}, []float32{1, 2, 3, 4})
//	outputs, err := session.Run(ctx, x)
//	values, err := mirin.Data[float32](outputs[0])
//
// A [Model] is loaded once and shared. A [Session] runs it for one caller at a time, a [Pool] for many, a [Server] for clients over
// gRPC and HTTP. All may be used from any goroutine; Close frees their native memory at once, the garbage collector does it later. A
// [Tensor] is ordinary Go memory: it has no Close, inputs are read where they lie, and results belong to the caller.
//
// # Errors
//
// Every error of the library is an [*Error] with a code and a message. [errors.Is] compares with a [Code], with [ErrClosed], and
// for runs that a context ended with [context.Canceled] and [context.DeadlineExceeded].
//
// # The library
//
// The native library, libmirin.so.1, is opened when it is first needed: where [SetLibraryPath] or the environment variable
// MIRIN_LIBRARY_PATH say, and nowhere else if one of them says something; otherwise beside the executable, in lib beside it, then
// where the system looks, which includes the folder of this module that carries it, then in /usr/local/lib and
// /opt/mirin/lib. The error lists what was tried. [Convert] opens libmirin_converter.so.1 in the same folder,
// [NewServer] libmirin_serving.so.1.
package mirin
