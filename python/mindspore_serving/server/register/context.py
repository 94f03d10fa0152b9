"""How a model is run: threads, and options for each kind of device."""

from typing import Any, ClassVar, Dict, List, Tuple

from ..._check import boolean, integer, integers, string
from ..._deprecated import deprecated


class DeviceInfo:
    """Options for one kind of device."""

    device_type: ClassVar[str] = ""

    def __init__(self) -> None:
        self.options: Dict[str, str] = {}

    @property
    def context_map(self) -> Dict[str, str]:
        return {"device_type": self.device_type, **self.options}

    def __repr__(self) -> str:
        return str(self.context_map)


def _quoted(values: Tuple[str, ...]) -> str:
    return ", ".join(f"'{v}'" for v in values)


class _PrecisionInfo(DeviceInfo):
    _values: ClassVar[Tuple[str, ...]] = ("origin", "fp16")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        for name, value in kwargs.items():
            if name != "precision_mode":
                raise RuntimeError(
                    f"Set {self.device_type} device info failed, unsupported option {name}"
                )
            string(name, value)
            if value not in self._values:
                raise RuntimeError(
                    f"{self.device_type.capitalize()} device info '{name}' can only be {_quoted(self._values)}. given '{value}'"
                )
            self.options[name] = value


class CPUDeviceInfo(_PrecisionInfo):
    """Options of the CPU.

    Args:
        precision_mode (str): "origin", as the model says (default), or "fp16", 16-bit floats where the processor gains by it.
    """

    device_type = "cpu"


class GPUDeviceInfo(_PrecisionInfo):
    """Options of Nvidia GPUs.

    Args:
        precision_mode (str): "origin" (default) or "fp16".
    """

    device_type = "gpu"


class AscendDeviceInfo(DeviceInfo):
    """Options of Ascend devices.

    Args:
        insert_op_cfg_path (str), input_format (str), input_shape (str), output_type (str), precision_mode (str),
        op_select_impl_mode (str), fusion_switch_config_path (str), buffer_optimize_mode (str): as MindSpore Serving has them.
    """

    device_type = "ascend"
    _texts = ("insert_op_cfg_path", "input_shape", "fusion_switch_config_path")
    _choices: ClassVar[Dict[str, Tuple[str, ...]]] = {
        "input_format": ("ND", "NCHW", "NHWC", "CHWN", "NC1HWC0", "NHWC1C0"),
        "precision_mode": (
            "force_fp16",
            "allow_fp32_to_fp16",
            "must_keep_origin_dtype",
            "allow_mix_precision",
        ),
        "op_select_impl_mode": ("high_performance", "high_precision"),
        "buffer_optimize_mode": (
            "l1_optimize",
            "l2_optimize",
            "off_optimize",
            "l1_and_l2_optimize",
        ),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        for name, value in kwargs.items():
            if name not in self._choices and name != "output_type" and name not in self._texts:
                raise RuntimeError(f"Set ascend device info failed, unsupported parameter {name}")
            string(name, value)
            if name == "output_type" and value not in ("FP32", "FP16", "UINT8"):
                # the original's text, with the other option's name
                raise RuntimeError(
                    f"Ascend device info 'op_select_impl_mode' can only be 'FP32'(default), 'FP16' or 'UINT8', actually given '{value}'"
                )
            if name in self._choices and value not in self._choices[name]:
                raise RuntimeError(
                    f"Ascend device info '{name}' can only be {_quoted(self._choices[name])}, actually given '{value}'"
                )
            self.options[name] = value


class Context:
    """How a model is run.

    Args:
        thread_num (int): threads that one run may use, >= 1; default: as many as the process has CPUs.
        thread_affinity_core_list (list or tuple of int): CPUs that runs keep to; default: any.
        enable_parallel (bool): accepted; runs decide by themselves.

    Raises:
        RuntimeError: an argument is wrong or unknown.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.thread_num = -1
        self.thread_affinity_core_list: List[int] = []
        self.enable_parallel = -1
        self.device_list: List[Dict[str, str]] = []
        for name, value in kwargs.items():
            if name == "thread_num":
                self.thread_num = min(integer(name, value, 1), 2**31 - 1)
            elif name == "thread_affinity_core_list":
                self.thread_affinity_core_list = list(integers(name, value, single=False))
            elif name == "enable_parallel":
                self.enable_parallel = int(boolean(name, value))
            else:
                raise RuntimeError(f"Set context failed, unsupported option {name}")

    def append_device_info(self, device_info: DeviceInfo) -> None:
        """Adds options for one kind of device; only those of the device in use count.

        Raises:
            RuntimeError: no device info, or the second one of a kind.
        """
        if not isinstance(device_info, (CPUDeviceInfo, GPUDeviceInfo, AscendDeviceInfo)):
            raise RuntimeError(
                "Parameter 'device_info' should instance of CPUDeviceInfo, GPUDeviceInfo, or AscendDeviceInfo, "
                f"but actually {type(device_info)}"
            )
        if any(d["device_type"] == device_info.device_type for d in self.device_list):
            raise RuntimeError(
                f"Device info of type {device_info.device_type} has already been appended"
            )
        self.device_list.append(device_info.context_map)

    def describe(self) -> Dict[str, Any]:
        return {
            "thread_num": self.thread_num,
            "thread_affinity_core_list": self.thread_affinity_core_list,
            "enable_parallel": self.enable_parallel,
            "devices": self.device_list,
        }

    def __str__(self) -> str:
        return (
            f"thread_num: {self.thread_num}, thread_affinity_core_list: {self.thread_affinity_core_list}, "
            f"enable_parallel: {self.enable_parallel}, device_list, {self.device_list}"
        )


class AclOptions:
    """Deprecated: AscendDeviceInfo, with its arguments."""

    @deprecated("1.6.0", "mindspore_serving.server.register.AscendDeviceInfo", name="AclOptions")
    def __init__(self, **kwargs: Any) -> None:
        self.info: DeviceInfo = AscendDeviceInfo(**kwargs)


class GpuOptions:
    """Deprecated: GPUDeviceInfo, with its arguments."""

    @deprecated("1.6.0", "mindspore_serving.server.register.GPUDeviceInfo", name="GpuOptions")
    def __init__(self, **kwargs: Any) -> None:
        self.info: DeviceInfo = GPUDeviceInfo(**kwargs)
