package capi

import (
	"runtime"
	"unsafe"
)

// Server is a mirin_server.
type Server struct{ server uintptr }

// ServableOptions is mirin_servable_options.
type ServableOptions struct {
	Directory, Name string
	Version         uint64
	DeviceIDs       []int
	DeviceType      string
	Workers         int
	Key             []byte
	Cipher          int32
}

type servableOptions struct {
	structSize   uintptr
	directory    uintptr
	name         uintptr
	version      uint64
	deviceIds    uintptr
	numDeviceIds uintptr
	deviceType   uintptr
	workers      int32
	key          uintptr
	keySize      uintptr
	cipher       int32
}

func newServableOptions() servableOptions {
	return servableOptions{structSize: unsafe.Sizeof(servableOptions{})}
}

func (o *ServableOptions) c(m *memory) servableOptions {
	c := newServableOptions()
	c.directory = m.text(o.Directory)
	c.name = m.text(o.Name)
	c.version = o.Version
	c.deviceIds = array(m, int32s(o.DeviceIDs))
	c.numDeviceIds = uintptr(len(o.DeviceIDs))
	if o.DeviceType != "" {
		c.deviceType = m.text(o.DeviceType)
	}
	c.workers = int32Of(o.Workers)
	c.key = array(m, o.Key)
	c.keySize = uintptr(len(o.Key))
	c.cipher = o.Cipher
	return c
}

// ListenOptions is mirin_listen_options; "" is NULL.
type ListenOptions struct {
	Address                           string
	MaxMessageBytes                   uint64
	Certificate, PrivateKey, ClientCA string
}

type listenOptions struct {
	structSize      uintptr
	address         uintptr
	maxMessageBytes uint64
	certificate     uintptr
	privateKey      uintptr
	clientCa        uintptr
}

func newListenOptions() listenOptions {
	return listenOptions{structSize: unsafe.Sizeof(listenOptions{}), maxMessageBytes: 100 << 20}
}

// NewServer is mirin_server_create; OpenServing must have succeeded.
func NewServer() (s Server, status Status) {
	status = serverCreate.status(uintptr(unsafe.Pointer(&s.server)))
	return s, status
}

// Destroy is mirin_server_destroy.
func (s Server) Destroy() { serverDestroy.call(s.server) }

// Set is mirin_server_set.
func (s Server) Set(name, value string) Status {
	var m memory
	defer m.Unpin()
	return serverSet.status(s.server, m.text(name), m.text(value))
}

// Add is mirin_server_add.
func (s Server) Add(servables []ServableOptions) Status {
	var m memory
	defer m.Unpin()
	c := make([]servableOptions, len(servables))
	for i := range servables {
		c[i] = servables[i].c(&m)
	}
	return serverAdd.status(s.server, array(&m, c), uintptr(len(c)))
}

// Remove is mirin_server_remove.
func (s Server) Remove(name string, version uint64) Status {
	var m memory
	defer m.Unpin()
	return serverRemove.status(s.server, m.text(name), uintptr(version))
}

// ListenGRPC is mirin_server_listen_grpc.
func (s Server) ListenGRPC(options *ListenOptions) (port int, status Status) {
	return s.listen(serverListenGRPC, options)
}

// ListenHTTP is mirin_server_listen_http.
func (s Server) ListenHTTP(options *ListenOptions) (port int, status Status) {
	return s.listen(serverListenHTTP, options)
}

func (s Server) listen(listen *function, options *ListenOptions) (int, Status) {
	var m memory
	defer m.Unpin()
	c := newListenOptions()
	c.maxMessageBytes = options.MaxMessageBytes
	for text, place := range map[*string]*uintptr{
		&options.Address: &c.address, &options.Certificate: &c.certificate, &options.PrivateKey: &c.privateKey, &options.ClientCA: &c.clientCa,
	} {
		if *text != "" {
			*place = m.text(*text)
		}
	}
	var port int32
	status := listen.status(s.server, uintptr(unsafe.Pointer(&c)), uintptr(unsafe.Pointer(&port)))
	return int(port), status
}

// Stop is mirin_server_stop.
func (s Server) Stop(drainMicroseconds int64) { serverStop.call(s.server, uintptr(drainMicroseconds)) }

// Status copies mirin_server_status.
func (s Server) Status() string { return lent(serverStatus, s.server) }

// Metrics copies mirin_server_metrics.
func (s Server) Metrics() string { return lent(serverMetrics, s.server) }

// lent copies a text that C lends to the thread that asks.
func lent(text *function, object uintptr) string {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return goString(text.call(object))
}
