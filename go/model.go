package mirin

import "mirin.dev/go/internal/capi"

// A Model is loaded, verified and immutable. Any number of sessions, pools and goroutines may use it; those live on when it is
// closed.
type Model struct {
	handle  handle[capi.Model]
	inputs  []TensorInfo
	outputs []TensorInfo
}

// TensorInfo describes an input or output of a model.
type TensorInfo struct {
	Name  string
	DType DType
	Shape []int // -1 for an axis that is known only at run time; nil when even their number is
}

// A Cipher is a way in which model files are encrypted.
type Cipher int32

// The ciphers.
const (
	CipherAuto   Cipher = 0 // whatever the file says
	CipherAESGCM Cipher = 1
	CipherAESCBC Cipher = 2
	CipherSM4CBC Cipher = 3
)

// An Option changes how a model is loaded.
type Option func(*loadOptions)

type loadOptions struct {
	capi.ModelOptions
	config *Config
}

// WithKey gives the key of an encrypted model: 16, 24 or 32 bytes for AES, 16 for SM4. It is read while loading only.
func WithKey(key []byte) Option { return func(o *loadOptions) { o.Key = key } }

// WithCipher insists on a cipher.
func WithCipher(cipher Cipher) Option { return func(o *loadOptions) { o.Cipher = int32(cipher) } }

// WithOptimizationLevel sets how much the graph is improved: 0 not at all, 1 by all passes, which is the default.
func WithOptimizationLevel(level int) Option {
	return func(o *loadOptions) { o.OptimizationLevel = level }
}

// WithDisabledPasses names passes not to run.
func WithDisabledPasses(names ...string) Option {
	return func(o *loadOptions) { o.DisabledPasses = names }
}

// WithDumpDirectory names a folder that gets the graph as text after each pass.
func WithDumpDirectory(directory string) Option {
	return func(o *loadOptions) { o.DumpDirectory = directory }
}

// WithConfig gives settings by name.
func WithConfig(config *Config) Option { return func(o *loadOptions) { o.config = config } }

// Load loads a MindIR file.
//
// Errors: NotFound, PermissionDenied (file or key), FailedPrecondition (key missing), DataLoss, Unimplemented (with the node),
// ResourceExhausted, InvalidArgument; Unavailable when the library is missing.
func Load(path string, options ...Option) (*Model, error) {
	if err := checkTexts("path", path); err != nil {
		return nil, err
	}
	return load(options, func(o *capi.ModelOptions) (capi.Model, capi.Status) { return capi.LoadFile(path, o) })
}

// LoadBytes loads a model from memory, which is copied. For models with weights in files beside them, WithConfig must say where
// those are ([model_file] mindir_path). Errors are those of Load.
func LoadBytes(data []byte, options ...Option) (*Model, error) {
	return load(options, func(o *capi.ModelOptions) (capi.Model, capi.Status) { return capi.LoadMemory(data, o) })
}

func load(options []Option, call func(*capi.ModelOptions) (capi.Model, capi.Status)) (*Model, error) {
	if err := open(); err != nil {
		return nil, err
	}
	o := loadOptions{ModelOptions: capi.ModelOptions{OptimizationLevel: 1}}
	for _, option := range options {
		option(&o)
	}
	if err := checkTexts("option", append(o.DisabledPasses, o.DumpDirectory)...); err != nil {
		return nil, err
	}
	config, err := o.config.convert()
	if err != nil {
		return nil, err
	}
	defer config.Destroy()
	o.Config = config
	return newModel(call(&o.ModelOptions))
}

func newModel(object capi.Model, status capi.Status) (*Model, error) {
	if err := check(status); err != nil {
		return nil, err
	}
	m := &Model{inputs: infos(object.Inputs()), outputs: infos(object.Outputs())}
	set(m, &m.handle, object, capi.Model.Destroy)
	return m, nil
}

// Reshape makes a model of the same contents for inputs of other shapes than the file has, one shape for each input; -1 is an axis
// that each run may have of another size. Weights are shared: m stays as it is and may be closed. States of its sessions start from
// the file.
//
// Errors: InvalidArgument (names the node that cannot work with the shapes), ResourceExhausted, ErrClosed.
func (m *Model) Reshape(shapes ...[]int) (*Model, error) {
	object, err := m.handle.use()
	if err != nil {
		return nil, err
	}
	defer m.handle.release()
	return newModel(object.Reshape(shapes))
}

// Close frees the model. Sessions and pools live on. Closing twice is fine.
func (m *Model) Close() error { return m.handle.close() }

// Inputs describes what a run takes, in order.
func (m *Model) Inputs() []TensorInfo { return m.inputs }

// Outputs describes what a run gives, in order.
func (m *Model) Outputs() []TensorInfo { return m.outputs }

// States names the parameters that the model writes; each session has its own.
func (m *Model) States() ([]string, error) {
	object, err := m.handle.use()
	if err != nil {
		return nil, err
	}
	defer m.handle.release()
	return object.States(), nil
}

// Metadata is a text that the file carries: "model_version", "producer_name", "preprocessor", "user_info/KEY"; "" when absent.
func (m *Model) Metadata(key string) (string, error) {
	if err := checkTexts("key", key); err != nil {
		return "", err
	}
	object, err := m.handle.use()
	if err != nil {
		return "", err
	}
	defer m.handle.release()
	return object.Metadata(key), nil
}

// PassReport tells what the graph passes did, as a table for people.
func (m *Model) PassReport() (string, error) {
	object, err := m.handle.use()
	if err != nil {
		return "", err
	}
	defer m.handle.release()
	return object.PassReport(), nil
}

func infos(values []capi.Value) []TensorInfo {
	result := make([]TensorInfo, len(values))
	for i, v := range values {
		result[i] = TensorInfo{v.Name, DType(v.DType), v.Dims}
	}
	return result
}
