"""The C API through ctypes, as much as conformance tests need. libmirin.so.1 and libmirin_converter.so.1 lie in one folder."""
import ctypes
import pathlib

import numpy as np

_DTYPES = {
    "bool": 30, "int8": 32, "int16": 33, "int32": 34, "int64": 35, "uint8": 37, "uint16": 38, "uint32": 39, "uint64": 40,
    "float16": 42, "float32": 43, "float64": 44, "bfloat16": 45,
}
_NAMES = {number: name for name, number in _DTYPES.items()}
_STRING = 12


class MirinError(Exception):
    """A status: code and message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def _numpy_dtype(name):
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


class Mirin:
    """Both libraries, loaded."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.lib = ctypes.CDLL(str(folder / "libmirin.so.1"), mode=ctypes.RTLD_GLOBAL)
        self.converter = ctypes.CDLL(str(folder / "libmirin_converter.so.1"))
        for library, name, result in [
            (self.lib, "mirin_status_message", ctypes.c_char_p), (self.lib, "mirin_model_output_count", ctypes.c_size_t),
            (self.lib, "mirin_model_input_count", ctypes.c_size_t), (self.lib, "mirin_model_output_name", ctypes.c_char_p),
            (self.lib, "mirin_model_input_name", ctypes.c_char_p), (self.lib, "mirin_tensor_dims", ctypes.POINTER(ctypes.c_int64)),
            (self.lib, "mirin_tensor_rank", ctypes.c_size_t), (self.lib, "mirin_tensor_data", ctypes.c_void_p),
            (self.lib, "mirin_tensor_size", ctypes.c_size_t), (self.lib, "mirin_tensor_string", ctypes.c_void_p),
            (self.converter, "mirin_converter_report", ctypes.c_char_p), (self.converter, "mirin_converter_model", ctypes.c_void_p),
            (self.converter, "mirin_converter_output_file", ctypes.c_char_p),
        ]:
            getattr(library, name).restype = result
        for library, names in [
            (self.lib, ["mirin_model_load_memory", "mirin_model_load_file", "mirin_session_create", "mirin_session_run", "mirin_tensor_create_borrowed",
                        "mirin_tensor_create_strings"]),
            (self.converter, ["mirin_converter_create", "mirin_converter_set", "mirin_converter_run"]),
        ]:
            for name in names:
                getattr(library, name).restype = ctypes.c_void_p

    def check(self, status):
        """Raises for a status that is not NULL."""
        if not status:
            return
        status = ctypes.c_void_p(status)
        code, message = self.lib.mirin_status_code(status), self.lib.mirin_status_message(status).decode()
        self.lib.mirin_status_destroy(status)
        raise MirinError(code, message)

    def convert(self, **options):
        """The MindIR bytes (no outputFile) or the path written. MirinError.report has every finding, as JSON."""
        return self.convert_with_report(**options)[0]

    def convert_with_report(self, **options):
        """The same, with the report as JSON."""
        c = ctypes.c_void_p()
        self.check(self.converter.mirin_converter_create(ctypes.byref(c)))
        try:
            for name, value in options.items():
                self.check(self.converter.mirin_converter_set(c, name.encode(), str(value).encode()))
            try:
                self.check(self.converter.mirin_converter_run(c))
            except MirinError as e:
                e.report = self.converter.mirin_converter_report(c, 1).decode()
                raise
            report = self.converter.mirin_converter_report(c, 1).decode()
            if "outputFile" in options:
                return self.converter.mirin_converter_output_file(c).decode(), report
            size = ctypes.c_size_t()
            data = self.converter.mirin_converter_model(c, ctypes.byref(size))
            return ctypes.string_at(data, size.value), report
        finally:
            self.converter.mirin_converter_destroy(c)

    def run(self, model, inputs):
        """Loads a model (bytes or path) and runs it once: outputs as arrays of their own."""
        m, s = ctypes.c_void_p(), ctypes.c_void_p()
        if isinstance(model, bytes):
            self.check(self.lib.mirin_model_load_memory(model, ctypes.c_size_t(len(model)), None, ctypes.byref(m)))
        else:
            self.check(self.lib.mirin_model_load_file(str(model).encode(), None, ctypes.byref(m)))
        tensors, keep = [], []
        try:
            self.check(self.lib.mirin_session_create(m, None, ctypes.byref(s)))
            for array in inputs:
                tensors.append(self._tensor(array, keep))
            count = self.lib.mirin_model_output_count(m)
            outputs = (ctypes.c_void_p * count)()
            given = (ctypes.c_void_p * max(1, len(tensors)))(*[t.value for t in tensors])
            self.check(self.lib.mirin_session_run(s, given, ctypes.c_size_t(len(tensors)), outputs, ctypes.c_size_t(count)))
            return [self._array(ctypes.c_void_p(o)) for o in outputs]
        finally:
            for t in tensors:
                self.lib.mirin_tensor_destroy(t)
            self.lib.mirin_session_destroy(s)
            self.lib.mirin_model_destroy(m)

    def _tensor(self, array, keep):
        array = np.asarray(array)
        dims = (ctypes.c_int64 * max(1, array.ndim))(*array.shape)
        out = ctypes.c_void_p()
        if array.dtype.kind in "OUS":
            texts = [t if isinstance(t, bytes) else str(t).encode() for t in array.reshape(-1)]
            pointers = (ctypes.c_char_p * max(1, len(texts)))(*texts)
            sizes = (ctypes.c_size_t * max(1, len(texts)))(*[len(t) for t in texts])
            self.check(self.lib.mirin_tensor_create_strings(dims, ctypes.c_size_t(array.ndim), pointers, sizes, ctypes.byref(out)))
            return out
        array = np.ascontiguousarray(array).reshape(array.shape)
        keep.append(array)
        self.check(self.lib.mirin_tensor_create_borrowed(_DTYPES[array.dtype.name], dims, ctypes.c_size_t(array.ndim), ctypes.c_void_p(array.ctypes.data),
                                                         ctypes.c_size_t(array.nbytes), ctypes.byref(out)))
        return out

    def _array(self, tensor):
        rank = self.lib.mirin_tensor_rank(tensor)
        shape = tuple(self.lib.mirin_tensor_dims(tensor)[i] for i in range(rank))
        dtype = self.lib.mirin_tensor_dtype(tensor)
        if dtype == _STRING:
            texts = []
            for i in range(int(np.prod(shape, dtype=np.int64))):
                size = ctypes.c_size_t()
                text = self.lib.mirin_tensor_string(tensor, ctypes.c_int64(i), ctypes.byref(size))
                texts.append(ctypes.string_at(text, size.value).decode())
            return np.array(texts, dtype=object).reshape(shape)
        size = self.lib.mirin_tensor_size(tensor)
        data = ctypes.string_at(self.lib.mirin_tensor_data(tensor), size) if size else b""
        return np.frombuffer(data, dtype=_numpy_dtype(_NAMES[dtype])).reshape(shape).copy()
