"""Names that MindSpore Lite had before 2.0, over today's."""

from typing import TYPE_CHECKING, Dict, Optional

from . import _check

if TYPE_CHECKING:
    from .context import Context

__all__ = ["CPUDeviceInfo", "GPUDeviceInfo", "AscendDeviceInfo", "RunnerConfig"]


class CPUDeviceInfo:
    """The CPU, for :meth:`Context.append_device_info`."""

    __slots__ = ("enable_fp16",)

    device: str = "cpu"
    enable_fp16: bool

    def __init__(self, enable_fp16: bool = False) -> None:
        _check.isinstance_of("enable_fp16", enable_fp16, bool)
        self.enable_fp16 = enable_fp16

    def __str__(self) -> str:
        return f"device_type: DeviceType.kCPU,\nenable_fp16: {self.enable_fp16}."


class GPUDeviceInfo:
    """A GPU, for :meth:`Context.append_device_info`."""

    __slots__ = ("device_id", "enable_fp16")

    device: str = "gpu"
    device_id: int
    enable_fp16: bool

    def __init__(self, device_id: int = 0, enable_fp16: bool = False) -> None:
        self.device_id = _check.natural(
            "device_id must be a non-negative int.", "device_id", device_id
        )
        _check.isinstance_of("enable_fp16", enable_fp16, bool)
        self.enable_fp16 = enable_fp16

    def __str__(self) -> str:
        return f"device_type: DeviceType.kGPU,\ndevice_id: {self.device_id},\nenable_fp16: {self.enable_fp16}."


class AscendDeviceInfo:
    """An Ascend device, for :meth:`Context.append_device_info`."""

    __slots__ = ("device_id",)

    device: str = "ascend"
    device_id: int

    def __init__(self, device_id: int = 0) -> None:
        self.device_id = _check.natural(
            "device_id must be a non-negative int.", "device_id", device_id
        )

    def __str__(self) -> str:
        return f"device_type: DeviceType.kAscend,\ndevice_id: {self.device_id}."


class RunnerConfig:
    """Settings of :meth:`ModelParallelRunner.init`; today they are ``Context.parallel``."""

    __slots__ = ("context",)

    context: "Context"

    def __init__(
        self,
        context: "Optional[Context]" = None,
        workers_num: Optional[int] = None,
        config_info: Optional[Dict[str, Dict[str, str]]] = None,
        config_path: Optional[str] = None,
    ) -> None:
        from .context import Context

        self.context = Context() if context is None else context
        _check.isinstance_of("context", self.context, Context)
        if workers_num is not None:
            self.context.parallel.workers_num = workers_num
        if config_info is not None:
            self.context.parallel.config_info = config_info
        if config_path is not None:
            self.context.parallel.config_path = config_path

    def __str__(self) -> str:
        return str(self.context.parallel)
