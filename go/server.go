package mirin

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"time"

	"mirin.dev/go/internal/capi"
)

// A Server serves models over gRPC and HTTP: MindSpore Serving's calls and the Open Inference Protocol.
//
//	server, err := mirin.NewServer(nil)
//	defer server.Close()
//	err = server.Add(mirin.Servable{Directory: "servables", Name: "add"})
//	port, err := server.ListenHTTP("127.0.0.1:1500", nil)
//	err = server.Wait(ctx)
//
// It may be used from any goroutine. A server that is dropped without Close ends when it is collected as garbage; Wait keeps it.
type Server struct {
	handle  handle[capi.Server]
	once    sync.Once
	stopped chan struct{}
}

// A Servable is Directory/Name, with a servable_config.py or with folders VERSION/ that hold one .mindir file each.
type Servable struct {
	Directory, Name string
	Version         uint64 // 0: the newest there is
	DeviceIDs       []int  // a replica on each; none: one
	DeviceType      string // "CPU", "GPU" or "Ascend", any case; "": whatever there is
	Workers         int    // Python processes for stages in Python; 0: one for each replica
	Key             []byte // of encrypted models: 16, 24 or 32 bytes; it is read by Add only
	Cipher          Cipher // to insist on
}

// ListenOptions say how a server listens. The zero value has the defaults.
type ListenOptions struct {
	MaxMessageBytes int // 0: 100 MiB
	// TLS: PEM texts, not names of files; "": no TLS.
	Certificate, PrivateKey string
	ClientCA                string // clients need a certificate of this authority; "": they need none
}

// ServableState is one version of one servable, loaded or not.
type ServableState struct {
	Name    string   `json:"name"`
	Version uint64   `json:"version"`
	State   string   `json:"state"`  // "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
	Reason  string   `json:"reason"` // why not ready
	Methods []string `json:"methods"`
	Workers int      `json:"workers"` // Python processes that run
	Queued  int      `json:"queued"`  // instances that wait
}

// NewServer makes a server that serves nothing yet and listens nowhere. options are by their names; docs/serving.md lists them.
//
// Errors: InvalidArgument (an unknown option, or a value that it does not take); Unavailable when a library is missing.
func NewServer(options map[string]string) (*Server, error) {
	if err := capi.OpenServing(); err != nil {
		return nil, &Error{Code: Unavailable, Message: err.Error()}
	}
	object, status := capi.NewServer()
	if err := check(status); err != nil {
		return nil, err
	}
	s := &Server{stopped: make(chan struct{})}
	set(s, &s.handle, object, capi.Server.Destroy)
	for name, value := range options {
		err := checkTexts("option", name, value)
		if err == nil {
			err = check(object.Set(name, value))
		}
		if err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Add loads servables, warms them up and serves them; all or none. It returns when they are ready. A version that is served already
// is replaced once the new one is ready.
//
// Errors: InvalidArgument, NotFound (directory, version), FailedPrecondition (servable_config.py raised: its text), those of
// [Load], Cancelled (Stop or Close), ErrClosed.
func (s *Server) Add(servables ...Servable) error {
	options := make([]capi.ServableOptions, len(servables))
	for i, o := range servables {
		if err := checkTexts("servable", o.Directory, o.Name, o.DeviceType); err != nil {
			return err
		}
		options[i] = capi.ServableOptions{
			Directory: o.Directory, Name: o.Name, Version: o.Version, DeviceIDs: o.DeviceIDs, DeviceType: o.DeviceType, Workers: o.Workers,
			Key: o.Key, Cipher: int32(o.Cipher),
		}
	}
	return s.call(func(object capi.Server) capi.Status { return object.Add(options) })
}

// Remove takes a version of a servable away, or all for version 0: new requests are refused, those in progress are answered.
//
// Errors: NotFound, ErrClosed.
func (s *Server) Remove(name string, version uint64) error {
	if err := checkTexts("name", name); err != nil {
		return err
	}
	return s.call(func(object capi.Server) capi.Status { return object.Remove(name, version) })
}

// ListenGRPC begins to answer gRPC calls at one more address: "HOST:PORT", "[V6]:PORT" or "unix:PATH"; port 0 takes a free one. It
// gives the port, 0 for Unix sockets. nil for the default options.
//
// Errors: InvalidArgument (address, certificate), Unavailable (address in use), ErrClosed.
func (s *Server) ListenGRPC(address string, options *ListenOptions) (port int, err error) {
	return s.listen(capi.Server.ListenGRPC, address, options)
}

// ListenHTTP begins to answer HTTP requests, as ListenGRPC does calls.
func (s *Server) ListenHTTP(address string, options *ListenOptions) (port int, err error) {
	return s.listen(capi.Server.ListenHTTP, address, options)
}

func (s *Server) listen(
	listen func(capi.Server, *capi.ListenOptions) (int, capi.Status), address string, options *ListenOptions,
) (port int, err error) {
	if options == nil {
		options = &ListenOptions{}
	}
	if err := checkTexts("option", address, options.Certificate, options.PrivateKey, options.ClientCA); err != nil {
		return 0, err
	}
	o := capi.ListenOptions{
		Address: address, MaxMessageBytes: 100 << 20, Certificate: options.Certificate, PrivateKey: options.PrivateKey,
		ClientCA: options.ClientCA,
	}
	if options.MaxMessageBytes < 0 {
		return 0, invalid("MaxMessageBytes is %d", options.MaxMessageBytes)
	} else if options.MaxMessageBytes > 0 {
		o.MaxMessageBytes = uint64(options.MaxMessageBytes)
	}
	err = s.call(func(object capi.Server) (status capi.Status) {
		port, status = listen(object, &o)
		return status
	})
	return port, err
}

// Status tells what is served.
func (s *Server) Status() ([]ServableState, error) {
	object, err := s.handle.use()
	if err != nil {
		return nil, err
	}
	defer s.handle.release()
	var states []ServableState
	if err := json.Unmarshal([]byte(object.Status()), &states); err != nil {
		return nil, &Error{Code: Internal, Message: err.Error()}
	}
	return states, nil
}

// Metrics is a text in Prometheus' format.
func (s *Server) Metrics() (string, error) {
	object, err := s.handle.use()
	if err != nil {
		return "", err
	}
	defer s.handle.release()
	return object.Metrics(), nil
}

// Wait waits until the server is stopped or closed, which is nil, or until ctx ends, which stops nothing.
//
// Errors: Cancelled and DeadlineExceeded (ctx).
func (s *Server) Wait(ctx context.Context) error {
	defer runtime.KeepAlive(s)
	select {
	case <-s.stopped:
		return nil
	default:
	}
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		return contextError(ctx, "the context ended before the server")
	}
}

// Stop refuses new requests, answers those in progress, and stops serving. What is in progress after drain is ended. A second call
// waits for the first.
func (s *Server) Stop(drain time.Duration) error {
	object, err := s.handle.use()
	if err != nil {
		return err
	}
	defer s.handle.release()
	object.Stop(max(0, drain).Microseconds())
	s.once.Do(func() { close(s.stopped) })
	return nil
}

// Close stops the server without a drain and frees it. Closing twice is fine.
func (s *Server) Close() error {
	if s.Stop(0) != nil {
		return nil // closed
	}
	return s.handle.close()
}

func (s *Server) call(f func(capi.Server) capi.Status) error {
	object, err := s.handle.use()
	if err != nil {
		return err
	}
	defer s.handle.release()
	return check(f(object))
}
