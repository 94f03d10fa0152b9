"""Converter: models of other frameworks become MindIR."""

import os
import tempfile
from typing import Any, Dict, List, Optional, Tuple, Union

from . import _capi, _check
from ._enums import DataType, FmkType, Format, ModelType
from ._errors import MirinError, because, error, not_found

__all__ = ["FmkType", "Converter"]

_DATA_TYPES = (DataType.FLOAT32, DataType.INT8, DataType.UINT8, DataType.UNKNOWN)
_FORMATS = (Format.NCHW, Format.NHWC)
_MODES = ("AES-GCM", "AES-CBC")


def _member(name: str, value: object, choices: Tuple[Any, ...]) -> Any:
    _check.isinstance_of(name, value, type(choices[0]))
    if value not in choices:
        raise ValueError(f"{name} must be in [{', '.join(str(c) for c in choices)}].")
    return value


class Converter:
    """Converts models to MindIR. Set properties, then call convert, any number of times.

    What is not set leaves the model as it is: its layout, its data types. The arguments are an
    older spelling.

    Example:
        >>> import mindspore_lite as mslite
        >>> converter = mslite.Converter()
        >>> converter.convert(mslite.FmkType.ONNX, "net.onnx", "net")  # doctest: +SKIP
        CONVERT RESULT SUCCESS:0
    """

    __slots__ = ("_values", "_chosen", "_config_info", "_legacy", "_report")

    def __init__(
        self,
        fmk_type: Optional[FmkType] = None,
        model_file: Optional[str] = None,
        output_file: Optional[str] = None,
        weight_file: str = "",
        config_file: str = "",
        weight_fp16: bool = False,
        input_shape: Optional[Dict[str, List[int]]] = None,
        input_format: Optional[Format] = None,
        input_data_type: Optional[DataType] = None,
        output_data_type: Optional[DataType] = None,
        export_mindir: Optional[ModelType] = None,
        decrypt_key: str = "",
        decrypt_mode: str = "AES-GCM",
        enable_encryption: bool = False,
        encrypt_key: str = "",
        infer: bool = False,
        train_model: bool = False,
        no_fusion: bool = False,
        device: str = "",
    ) -> None:
        self._values: Dict[str, Any] = {
            "weight_fp16": False,
            "input_shape": {},
            "input_format": Format.NHWC,
            "input_data_type": DataType.FLOAT32,
            "output_data_type": DataType.FLOAT32,
            "save_type": ModelType.MINDIR,
            "decrypt_key": "",
            "decrypt_mode": "AES-GCM",
            "enable_encryption": False,
            "encrypt_key": "",
            "infer": False,
            "optimize": "general",
            "device": "",
        }
        self._chosen: Dict[str, str] = {}  # options of the library, of what was set
        self._config_info: Dict[str, Dict[str, str]] = {}
        self._report = ""
        self._legacy = (fmk_type, model_file, output_file, weight_file, config_file)
        if train_model:
            raise error("UNIMPLEMENTED", "train_model: this package is for inference")
        if weight_fp16:
            self.weight_fp16 = weight_fp16
        if input_shape:
            self.input_shape = input_shape
        if input_format is not None:
            self.input_format = input_format
        if input_data_type is not None:
            self.input_data_type = input_data_type
        if output_data_type is not None:
            self.output_data_type = output_data_type
        if export_mindir is not None:
            self.save_type = export_mindir
        self.decrypt_key = decrypt_key
        self.decrypt_mode = decrypt_mode
        self.enable_encryption = enable_encryption
        self.encrypt_key = encrypt_key
        self.infer = infer
        if no_fusion:
            self.optimize = "none"
        if device:
            self.device = device

    @property
    def weight_fp16(self) -> bool:
        """Store float32 weights as float16: half the file; they are float32 again when the model is
        loaded.
        """
        return bool(self._values["weight_fp16"])

    @weight_fp16.setter
    def weight_fp16(self, value: bool) -> None:
        _check.isinstance_of("weight_fp16", value, bool)
        self._values["weight_fp16"] = value
        self._chosen["fp16"] = "on" if value else "off"

    @property
    def input_shape(self) -> Dict[str, List[int]]:
        """Shapes of inputs by name, to fix open sizes; unknown names are errors."""
        shapes: Dict[str, List[int]] = self._values["input_shape"]
        return shapes

    @input_shape.setter
    def input_shape(self, value: Dict[str, List[int]]) -> None:
        if not isinstance(value, dict):
            raise _check.type_error("input_shape", "dict", value)
        for k, v in value.items():
            if not isinstance(k, str):
                raise _check.type_error("input_shape key", "str", k, f" at key {k}")
            if not isinstance(v, list):
                raise _check.type_error("input_shape value", "list", v, f" at key {k}")
            for j, element in enumerate(v):
                if not isinstance(element, int):
                    raise _check.type_error(
                        "input_shape value's element", "int", element, f" at index {j}"
                    )
        self._values["input_shape"] = value

    @property
    def input_format(self) -> Format:
        """Layout of inputs of four axes: set Format.NHWC to have them channels-last. Until set, the
        model's own.
        """
        found: Format = self._values["input_format"]
        return found

    @input_format.setter
    def input_format(self, value: Format) -> None:
        self._values["input_format"] = _member("input_format", value, _FORMATS)
        self._chosen["inputDataFormat"] = value.name

    @property
    def input_data_type(self) -> DataType:
        """Data type of the inputs: FLOAT32, INT8, UINT8; until set, and for UNKNOWN, the model's."""
        found: DataType = self._values["input_data_type"]
        return found

    @input_data_type.setter
    def input_data_type(self, value: DataType) -> None:
        self._values["input_data_type"] = _member("input_data_type", value, _DATA_TYPES)
        self._chosen["inputDataType"] = "DEFAULT" if value is DataType.UNKNOWN else value.name

    @property
    def output_data_type(self) -> DataType:
        """Data type of the outputs, as input_data_type."""
        found: DataType = self._values["output_data_type"]
        return found

    @output_data_type.setter
    def output_data_type(self, value: DataType) -> None:
        self._values["output_data_type"] = _member("output_data_type", value, _DATA_TYPES)
        self._chosen["outputDataType"] = "DEFAULT" if value is DataType.UNKNOWN else value.name

    @property
    def save_type(self) -> ModelType:
        """Kind of the result. This release writes ModelType.MINDIR."""
        found: ModelType = self._values["save_type"]
        return found

    @save_type.setter
    def save_type(self, value: ModelType) -> None:
        _check.isinstance_of("save_type", value, ModelType)
        self._values["save_type"] = value
        self._chosen["saveType"] = value.name

    @property
    def decrypt_key(self) -> str:
        """Key of an encrypted MindIR, in hexadecimal digits; never printed."""
        return str(self._values["decrypt_key"])

    @decrypt_key.setter
    def decrypt_key(self, value: str) -> None:
        _check.isinstance_of("decrypt_key", value, str)
        self._values["decrypt_key"] = value
        self._chosen["decryptKey"] = value

    @property
    def decrypt_mode(self) -> str:
        """AES-GCM or AES-CBC."""
        return str(self._values["decrypt_mode"])

    @decrypt_mode.setter
    def decrypt_mode(self, value: str) -> None:
        _check.isinstance_of("decrypt_mode", value, str)
        if value not in _MODES:
            raise ValueError(f"decrypt_mode must be in [{', '.join(_MODES)}], but got {value}.")
        self._values["decrypt_mode"] = value

    @property
    def enable_encryption(self) -> bool:
        """Encrypt the result with encrypt_key."""
        return bool(self._values["enable_encryption"])

    @enable_encryption.setter
    def enable_encryption(self, value: bool) -> None:
        _check.isinstance_of("enable_encryption", value, bool)
        self._values["enable_encryption"] = value

    @property
    def encrypt_key(self) -> str:
        """Key of the result, in hexadecimal digits; never printed."""
        return str(self._values["encrypt_key"])

    @encrypt_key.setter
    def encrypt_key(self, value: str) -> None:
        _check.isinstance_of("encrypt_key", value, str)
        self._values["encrypt_key"] = value
        self._chosen["encryptKey"] = value

    @property
    def infer(self) -> bool:
        """Run the result once before it is written."""
        return bool(self._values["infer"])

    @infer.setter
    def infer(self, value: bool) -> None:
        _check.isinstance_of("infer", value, bool)
        self._values["infer"] = value
        self._chosen["infer"] = "true" if value else "false"

    @property
    def optimize(self) -> str:
        """none, general or ascend_oriented, which this release refuses when it converts."""
        return str(self._values["optimize"])

    @optimize.setter
    def optimize(self, value: str) -> None:
        _check.isinstance_of("optimize", value, str)
        if value not in ("none", "general", "ascend_oriented"):
            raise ValueError("optimize must be 'none', 'general' or 'ascend_oriented'.")
        self._values["optimize"] = value
        self._chosen["optimize"] = value
        if value == "ascend_oriented":
            self.device = "Ascend"

    @property
    def device(self) -> str:
        """ "" or "Ascend", which this release refuses when it converts."""
        return str(self._values["device"])

    @device.setter
    def device(self, value: str) -> None:
        _check.isinstance_of("device", value, str)
        if value not in ("", "Ascend"):
            raise ValueError(f"device must be in [Ascend], but got {value}.")
        self._values["device"] = value
        self._chosen["device"] = value

    @property
    def report(self) -> str:
        """What the last convert found: a line for every node that could not be converted, and
        notes. "" before.
        """
        return self._report

    def set_config_info(
        self, section: str = "", config_info: Optional[Dict[str, str]] = None
    ) -> None:
        """Settings of a section, as in a configuration file; they replace what the section had.

        Raises:
            TypeError: wrong types.
        """
        _check.isinstance_of("section", section, str)
        if config_info is not None:
            _check.texts_by_name("config_info", config_info, "config_info key", "config_info val")
            if section:
                self._config_info[section] = dict(config_info)

    def get_config_info(self) -> Dict[str, Dict[str, str]]:
        """The settings that were set, by section."""
        return self._config_info

    def convert(
        self,
        fmk_type: FmkType,
        model_file: _check.PathLike,
        output_file: _check.PathLike,
        weight_file: _check.PathLike = "",
        config_file: _check.PathLike = "",
    ) -> None:
        """Converts a model and writes the result, whole or not at all. Other Python threads run
        meanwhile.

        Args:
            fmk_type: what the model is.
            model_file: the model.
            output_file: the result; ``.mindir`` is appended when it is missing.
            weight_file: weights of a Caffe model.
            config_file: a file of settings; set_config_info's come in front of it.

        Raises:
            TypeError: wrong types.
            RuntimeError: a file does not exist; the model cannot be converted, with the first
                reason (all: ``report``).
        """
        _check.isinstance_of("fmk_type", fmk_type, FmkType)
        model = _check.path("model_file", model_file)
        output = _check.path("output_file", output_file)
        weights = _check.path("weight_file", weight_file)
        config = _check.path("config_file", config_file)
        for name, file in (
            ("model_file", model),
            ("weight_file", weights),
            ("config_file", config),
        ):
            if not os.path.exists(file) and (file or name == "model_file"):
                raise not_found(f"Perform convert method failed, {name} does not exist!")
        options = {
            "fmk": fmk_type.name,
            "modelFile": model,
            "outputFile": output,
            "weightFile": weights,
            **self._chosen,
        }
        if self.input_shape:
            options["inputShape"] = ";".join(
                f"{k}:{','.join(str(int(d)) for d in v)}" for k, v in self.input_shape.items()
            )
        if self.decrypt_key:
            options["decryptMode"] = self.decrypt_mode
        if self.enable_encryption or self.encrypt_key:
            options["encryption"] = "true" if self.enable_encryption else "false"
        try:
            with tempfile.TemporaryDirectory() as folder:
                options["configFile"] = self._settings_file(config, folder)
                self._convert(options)
        except MirinError as e:
            raise because(f"Converter model failed! model_file is {model}, error is", e) from None
        print("CONVERT RESULT SUCCESS:0")

    def _convert(self, options: Dict[str, str]) -> None:
        native = _capi.mirin_converter_create()
        for name, value in options.items():
            if value:
                _capi.mirin_converter_set(native, name, value)
        if not options["outputFile"]:
            raise error("INVALID_ARGUMENT", "output_file is empty")
        try:
            _capi.mirin_converter_run(native)
        finally:
            self._report = _capi.mirin_converter_report(native, _capi.MIRIN_REPORT_TEXT)

    def _settings_file(self, config_file: str, folder: str) -> str:
        """The configuration file, with set_config_info's sections instead of its own where there
        are some.
        """
        if not self._config_info:
            return config_file
        lines: List[str] = []
        if config_file:
            keep = True
            with open(config_file, encoding="utf-8") as f:
                for line in f:
                    if line.strip().startswith("["):
                        keep = line.strip()[1:].split("]")[0] not in self._config_info
                    if keep:
                        lines.append(line.rstrip("\n"))
        for section, values in self._config_info.items():
            lines.append(f"[{section}]")
            lines.extend(f"{k}={v}" for k, v in values.items())
        path = os.path.join(folder, "config.ini")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        return path

    def converter(self) -> None:
        """Older spelling: converts what the constructor was given."""
        fmk_type, model_file, output_file, weight_file, config_file = self._legacy
        self.convert(fmk_type, model_file, output_file, weight_file, config_file)  # type: ignore[arg-type]

    def __str__(self) -> str:
        shown: Dict[str, Union[str, Any]] = {"config_info": self._config_info}
        shown.update({k: "***" if k.endswith("_key") and v else v for k, v in self._values.items()})
        return ",\n".join(f"{k}: {v}" for k, v in shown.items()) + "."

    def __repr__(self) -> str:
        return f"<Converter {self._values['optimize']} to {self._values['save_type'].name}>"
