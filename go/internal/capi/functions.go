package capi

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// What the package knows of the headers and no compiler compares with them: a test does, as it does with the prototypes and the
// option structs.
const (
	apiMajor = 1
	apiMinor = 0

	// MaxRank is the most axes a tensor can have.
	MaxRank = 8
)

// The functions of the C API that this package calls, as the headers declare them.
var (
	apiVersion           = core("uint32_t mirin_api_version(void)")
	versionString        = core("const char* mirin_version_string(void)")
	deviceCount          = core("size_t mirin_device_count(void)")
	deviceName           = core("const char* mirin_device_name(size_t i)")
	deviceDescription    = core("const char* mirin_device_description(size_t i)")
	modelLoadFile        = core("mirin_status* mirin_model_load_file(const char* path, const mirin_model_options* options, mirin_model** out_model)")
	modelLoadMemory      = core("mirin_status* mirin_model_load_memory(const void* data, size_t size, const mirin_model_options* options, mirin_model** out_model)")
	modelReshape         = core("mirin_status* mirin_model_reshape(const mirin_model* model, const int64_t* const* dims, const size_t* ranks, size_t num_inputs, mirin_model** out_model)")
	modelDestroy         = core("void mirin_model_destroy(mirin_model* model)")
	modelInputCount      = core("size_t mirin_model_input_count(const mirin_model* model)")
	modelInputName       = core("const char* mirin_model_input_name(const mirin_model* model, size_t i)")
	modelInputDtype      = core("mirin_dtype mirin_model_input_dtype(const mirin_model* model, size_t i)")
	modelInputRank       = core("int32_t mirin_model_input_rank(const mirin_model* model, size_t i)")
	modelInputDims       = core("const int64_t* mirin_model_input_dims(const mirin_model* model, size_t i)")
	modelOutputCount     = core("size_t mirin_model_output_count(const mirin_model* model)")
	modelOutputName      = core("const char* mirin_model_output_name(const mirin_model* model, size_t i)")
	modelOutputDtype     = core("mirin_dtype mirin_model_output_dtype(const mirin_model* model, size_t i)")
	modelOutputRank      = core("int32_t mirin_model_output_rank(const mirin_model* model, size_t i)")
	modelOutputDims      = core("const int64_t* mirin_model_output_dims(const mirin_model* model, size_t i)")
	modelStateCount      = core("size_t mirin_model_state_count(const mirin_model* model)")
	modelStateName       = core("const char* mirin_model_state_name(const mirin_model* model, size_t i)")
	modelMetadata        = core("const char* mirin_model_metadata(const mirin_model* model, const char* key)")
	modelPassReport      = core("const char* mirin_model_pass_report(const mirin_model* model)")
	sessionCreate        = core("mirin_status* mirin_session_create(const mirin_model* model, const mirin_session_options* options, mirin_session** out_session)")
	sessionDestroy       = core("void mirin_session_destroy(mirin_session* session)")
	sessionResize        = core("mirin_status* mirin_session_resize(mirin_session* session, const int64_t* const* dims, const size_t* ranks, size_t num_inputs)")
	sessionRunWith       = core("mirin_status* mirin_session_run_with(mirin_session* session, const mirin_tensor* const* inputs, size_t num_inputs, const mirin_run_options* options, const mirin_tensor** out_outputs, size_t num_outputs)")
	sessionRunIntoWith   = core("mirin_status* mirin_session_run_into_with(mirin_session* session, const mirin_tensor* const* inputs, size_t num_inputs, const mirin_run_options* options, mirin_tensor* const* outputs, size_t num_outputs)")
	sessionGetState      = core("mirin_status* mirin_session_get_state(mirin_session* session, size_t i, mirin_tensor** out_tensor)")
	sessionSetState      = core("mirin_status* mirin_session_set_state(mirin_session* session, size_t i, const mirin_tensor* value)")
	sessionProfileTable  = core("const char* mirin_session_profile_table(mirin_session* session)")
	sessionProfileTrace  = core("const char* mirin_session_profile_trace(mirin_session* session)")
	sessionPlacement     = core("const char* mirin_session_placement(mirin_session* session)")
	sessionProfileReset  = core("void mirin_session_profile_reset(mirin_session* session)")
	statusCode           = core("mirin_code mirin_status_code(const mirin_status* status)")
	statusMessage        = core("const char* mirin_status_message(const mirin_status* status)")
	statusCreate         = core("mirin_status* mirin_status_create(mirin_code code, const char* message)")
	statusDestroy        = core("void mirin_status_destroy(mirin_status* status)")
	tensorCreateBorrowed = core("mirin_status* mirin_tensor_create_borrowed(mirin_dtype dtype, const int64_t* dims, size_t rank, void* data, size_t size, mirin_tensor** out_tensor)")
	tensorCreateStrings  = core("mirin_status* mirin_tensor_create_strings(const int64_t* dims, size_t rank, const char* const* texts, const size_t* sizes, mirin_tensor** out_tensor)")
	tensorDestroy        = core("void mirin_tensor_destroy(mirin_tensor* tensor)")
	tensorDtype          = core("mirin_dtype mirin_tensor_dtype(const mirin_tensor* tensor)")
	tensorRank           = core("size_t mirin_tensor_rank(const mirin_tensor* tensor)")
	tensorDims           = core("const int64_t* mirin_tensor_dims(const mirin_tensor* tensor)")
	tensorData           = core("const void* mirin_tensor_data(const mirin_tensor* tensor)")
	tensorString         = core("const char* mirin_tensor_string(const mirin_tensor* tensor, int64_t i, size_t* out_size)")
	f32ToF16             = core("void mirin_f32_to_f16(const float* from, uint16_t* to, size_t n)")
	f16ToF32             = core("void mirin_f16_to_f32(const uint16_t* from, float* to, size_t n)")
	f32ToBf16            = core("void mirin_f32_to_bf16(const float* from, uint16_t* to, size_t n)")
	bf16ToF32            = core("void mirin_bf16_to_f32(const uint16_t* from, float* to, size_t n)")
	logSetLevel          = core("mirin_status* mirin_log_set_level(mirin_log_level level)")
	logSetSink           = core("void mirin_log_set_sink(mirin_log_sink sink, void* context)")
	cancellationCreate   = core("mirin_status* mirin_cancellation_create(mirin_cancellation** out_cancellation)")
	cancellationCancel   = core("void mirin_cancellation_cancel(mirin_cancellation* cancellation)")
	cancellationDestroy  = core("void mirin_cancellation_destroy(mirin_cancellation* cancellation)")
	configCreate         = core("mirin_status* mirin_config_create(mirin_config** out_config)")
	configDestroy        = core("void mirin_config_destroy(mirin_config* config)")
	configLoadFile       = core("mirin_status* mirin_config_load_file(mirin_config* config, const char* path)")
	configSet            = core("mirin_status* mirin_config_set(mirin_config* config, const char* section, const char* key, const char* value)")
	poolCreate           = core("mirin_status* mirin_pool_create(const mirin_model* model, const mirin_pool_options* options, mirin_pool** out_pool)")
	poolDestroy          = core("void mirin_pool_destroy(mirin_pool* pool)")
	poolWorkers          = core("int32_t mirin_pool_workers(const mirin_pool* pool)")
	poolRun              = core("mirin_status* mirin_pool_run(const mirin_pool* pool, const mirin_tensor* const* inputs, size_t num_inputs, const mirin_run_options* options, mirin_tensor** out_outputs, size_t num_outputs)")
	poolRunInto          = core("mirin_status* mirin_pool_run_into(const mirin_pool* pool, const mirin_tensor* const* inputs, size_t num_inputs, const mirin_run_options* options, mirin_tensor* const* outputs, size_t num_outputs)")

	converterCreate     = converter("mirin_status* mirin_converter_create(mirin_converter** out_converter)")
	converterDestroy    = converter("void mirin_converter_destroy(mirin_converter* converter)")
	converterSet        = converter("mirin_status* mirin_converter_set(mirin_converter* converter, const char* name, const char* value)")
	converterRun        = converter("mirin_status* mirin_converter_run(mirin_converter* converter)")
	converterReport     = converter("const char* mirin_converter_report(mirin_converter* converter, mirin_report_format format)")
	converterOutputFile = converter("const char* mirin_converter_output_file(const mirin_converter* converter)")
	converterModel      = converter("const void* mirin_converter_model(const mirin_converter* converter, size_t* out_size)")
	converterCheck      = converter("mirin_status* mirin_converter_check(mirin_converter* converter)")

	serverCreate     = serving("mirin_status* mirin_server_create(mirin_server** out_server)")
	serverDestroy    = serving("void mirin_server_destroy(mirin_server* server)")
	serverSet        = serving("mirin_status* mirin_server_set(mirin_server* server, const char* name, const char* value)")
	serverAdd        = serving("mirin_status* mirin_server_add(mirin_server* server, const mirin_servable_options* servables, size_t num_servables)")
	serverRemove     = serving("mirin_status* mirin_server_remove(mirin_server* server, const char* name, uint64_t version)")
	serverListenGRPC = serving("mirin_status* mirin_server_listen_grpc(mirin_server* server, const mirin_listen_options* options, int32_t* out_port)")
	serverListenHTTP = serving("mirin_status* mirin_server_listen_http(mirin_server* server, const mirin_listen_options* options, int32_t* out_port)")
	serverStop       = serving("void mirin_server_stop(mirin_server* server, int64_t drain_us)")
	serverStatus     = serving("const char* mirin_server_status(mirin_server* server)")
	serverMetrics    = serving("const char* mirin_server_metrics(mirin_server* server)")
)

var coreFunctions, converterFunctions, servingFunctions []*function

// A function is one of the C API.
type function struct {
	prototype string
	address   uintptr // 0 until its library is open
}

func core(prototype string) *function      { return in(&coreFunctions, prototype) }
func converter(prototype string) *function { return in(&converterFunctions, prototype) }
func serving(prototype string) *function   { return in(&servingFunctions, prototype) }

func in(library *[]*function, prototype string) *function {
	f := &function{prototype: prototype}
	*library = append(*library, f)
	return f
}

// name is the name in the prototype.
func (f *function) name() string {
	name, _, _ := strings.Cut(f.prototype, "(")
	return name[strings.LastIndexAny(name, " *")+1:]
}

// call calls the function. Pointers to Go memory must be converted in the list of arguments, or be pinned: then the memory stays
// until the call is over. Of a result that is narrower than a uintptr only its own bits mean something.
//
//go:uintptrescapes
func (f *function) call(arguments ...uintptr) uintptr {
	result, _, _ := purego.SyscallN(f.address, arguments...)
	return result
}

// status calls a function that returns mirin_status*.
//
//go:uintptrescapes
func (f *function) status(arguments ...uintptr) Status {
	result, _, _ := purego.SyscallN(f.address, arguments...)
	return Status{result}
}

// load opens the library at path and finds the functions; it gives the reason why it cannot, or "".
func load(path string, functions []*function) string {
	runtime.LockOSThread() // the loader keeps its last error for each thread
	defer runtime.UnlockOSThread()
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return strings.TrimPrefix(err.Error(), path+": ")
	}
	if reason := find(library, functions); reason != "" {
		_ = purego.Dlclose(library) // the reason says enough
		return reason
	}
	return ""
}

func find(library uintptr, functions []*function) string {
	version, err := purego.Dlsym(library, apiVersion.name())
	if err != nil {
		return "it is no Mirin library"
	}
	has, _, _ := purego.SyscallN(version)
	major, minor := uint32(has)>>16, uint32(has)&0xffff
	if major != apiMajor || minor < apiMinor {
		return fmt.Sprintf("its interface is %d.%d, this module needs %d.%d", major, minor, apiMajor, apiMinor)
	}
	addresses := make([]uintptr, len(functions))
	for i, f := range functions {
		if addresses[i], err = purego.Dlsym(library, f.name()); err != nil {
			return "it has no " + f.name()
		}
	}
	for i, f := range functions {
		f.address = addresses[i]
	}
	return ""
}

// memory is what C reads during a call and arguments point to only indirectly: it is pinned until Unpin. The zero value is ready.
type memory struct{ runtime.Pinner }

// text makes a C string.
func (m *memory) text(text string) uintptr { return array(m, append([]byte(text), 0)) }

// texts makes an array of C strings.
func (m *memory) texts(texts []string) uintptr {
	pointers := make([]uintptr, len(texts))
	for i, text := range texts {
		pointers[i] = m.text(text)
	}
	return array(m, pointers)
}

// array pins the elements; 0 when there are none.
func array[T any](m *memory, elements []T) uintptr {
	if len(elements) == 0 {
		return 0
	}
	first := unsafe.SliceData(elements)
	m.Pin(first)
	return uintptr(unsafe.Pointer(first))
}

// pointer takes an address of C's memory, or one that is pinned, out of its number.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// goString copies a C string; "" for NULL.
func goString(address uintptr) string {
	if address == 0 {
		return ""
	}
	start, size := (*byte)(pointer(address)), 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(start), size)) != 0 {
		size++
	}
	return string(unsafe.Slice(start, size))
}
