"""Context: how models run."""

import os
import warnings
from typing import Any, Dict, List, Optional

from . import _capi, _check
from ._legacy import AscendDeviceInfo, CPUDeviceInfo, GPUDeviceInfo

__all__ = ["Context"]

_CPU_PRECISIONS = ("enforce_fp32", "preferred_fp16")
_ASCEND_PRECISIONS = (
    "enforce_fp32",
    "preferred_fp32",
    "enforce_fp16",
    "enforce_origin",
    "preferred_optimal",
)
_DEVICES = ("cpu", "gpu", "ascend")


def _one_of(name: str, value: object, choices: "tuple[str, ...]") -> str:
    _check.isinstance_of(name, value, str)
    if value not in choices:
        raise ValueError(f"{name} must be in [{', '.join(choices)}], but got {value}.")
    return str(value)


class _Floats:
    """The width of floats, for devices that have two."""

    __slots__ = ("_precision",)
    _name = ""

    def __init__(self) -> None:
        self._precision = "enforce_fp32"

    @property
    def precision_mode(self) -> str:
        """``enforce_fp32``, or ``preferred_fp16``: 16-bit floats where the device gains by them."""
        return self._precision

    @precision_mode.setter
    def precision_mode(self, value: str) -> None:
        self._precision = _one_of(f"{self._name}_precision_mode", value, _CPU_PRECISIONS)

    @property
    def enable_fp16(self) -> bool:
        """Older spelling of ``precision_mode``."""
        return self._precision == "preferred_fp16"

    @enable_fp16.setter
    def enable_fp16(self, value: bool) -> None:
        _check.isinstance_of("enable_fp16", value, bool)
        self._precision = "preferred_fp16" if value else "enforce_fp32"


class _Cpu(_Floats):
    """Settings of the CPU; ``Context().cpu``."""

    __slots__ = ("_threads", "_inter_op", "_affinity", "_cores")
    _name = "cpu"

    def __init__(self) -> None:
        super().__init__()
        self._threads = 0
        self._inter_op = 0
        self._affinity = 0
        self._cores: List[int] = []

    @property
    def thread_num(self) -> int:
        """Threads that one run may use; 0: all CPUs of the process."""
        return self._threads

    @thread_num.setter
    def thread_num(self, value: int) -> None:
        self._threads = _check.natural(
            "cpu_thread_num must be a non-negative int.", "cpu_thread_num", value
        )

    @property
    def inter_op_parallel_num(self) -> int:
        """Accepted and without effect: operators run one after the other. More than ``thread_num``
        is refused.
        """
        return self._inter_op

    @inter_op_parallel_num.setter
    def inter_op_parallel_num(self, value: int) -> None:
        self._inter_op = _check.natural(
            "cpu_inter_op_parallel_num must be a non-negative int.",
            "cpu_inter_op_parallel_num",
            value,
        )

    @property
    def thread_affinity_mode(self) -> int:
        """0, 1 or 2 (none, big cores, middle cores): a server's cores are alike, so none of them
        pins threads.
        """
        return self._affinity

    @thread_affinity_mode.setter
    def thread_affinity_mode(self, value: int) -> None:
        _check.isinstance_of("cpu_thread_affinity_mode", value, int)
        if value not in (0, 1, 2):
            warnings.warn(
                f"cpu_thread_affinity_mode must be 0, 1 or 2, but got {value}: 0 is used.",
                stacklevel=2,
            )
            value = 0
        self._affinity = int(value)

    @property
    def thread_affinity_core_list(self) -> List[int]:
        """Ids of the CPUs that threads run on; empty: any."""
        return list(self._cores)

    @thread_affinity_core_list.setter
    def thread_affinity_core_list(self, value: List[int]) -> None:
        _check.list_of("cpu_thread_affinity_core_list", value, int)
        self._cores = [int(v) for v in value]

    def __str__(self) -> str:
        return (
            f"device_type: DeviceType.kCPU,\nprecision_mode: {self._precision},\nthread_num: {self._threads},\n"
            f"inter_op_parallel_num: {self._inter_op},\nthread_affinity_mode: {self._affinity},\n"
            f"thread_affinity_core_list: {self._cores}."
        )

    def __repr__(self) -> str:
        return f"<Context.cpu thread_num={self._threads} precision_mode={self._precision!r} cores={self._cores}>"


class _Gpu(_Floats):
    """Settings of GPUs; ``Context().gpu``."""

    __slots__ = ("_device",)
    _name = "gpu"

    def __init__(self) -> None:
        super().__init__()
        self._device = 0

    @property
    def device_id(self) -> int:
        """Which GPU."""
        return self._device

    @device_id.setter
    def device_id(self, value: int) -> None:
        self._device = _check.natural(
            "gpu_device_id must be a non-negative int.", "gpu_device_id", value, 2**32 - 1
        )

    @property
    def rank_id(self) -> int:
        """0; read only."""
        return 0

    @rank_id.setter
    def rank_id(self, value: Any) -> None:
        raise AttributeError("can't set attribute")

    @property
    def group_size(self) -> int:
        """1; read only."""
        return 1

    @group_size.setter
    def group_size(self, value: Any) -> None:
        raise AttributeError("can't set attribute")

    def __str__(self) -> str:
        return (
            f"device_type: DeviceType.kGPU,\nprecision_mode: {self._precision},\ndevice_id: {self._device},\n"
            "rank_id: 0,\ngroup_size: 1."
        )

    def __repr__(self) -> str:
        return f"<Context.gpu device_id={self._device} precision_mode={self._precision!r}>"


class _Ascend:
    """Settings of Ascend devices; ``Context().ascend``."""

    __slots__ = ("_precision", "_device", "_rank", "_provider")

    def __init__(self) -> None:
        self._precision = ""
        self._device = 0
        self._rank = 0
        self._provider = ""

    @property
    def precision_mode(self) -> str:
        """One of enforce_fp32, preferred_fp32, enforce_fp16, enforce_origin, preferred_optimal."""
        return self._precision

    @precision_mode.setter
    def precision_mode(self, value: str) -> None:
        self._precision = _one_of("ascend_precision_mode", value, _ASCEND_PRECISIONS)

    @property
    def device_id(self) -> int:
        """Which device."""
        return self._device

    @device_id.setter
    def device_id(self, value: int) -> None:
        self._device = _check.natural(
            "ascend_device_id must be a non-negative int.", "ascend_device_id", value
        )

    @property
    def rank_id(self) -> int:
        """Rank of this process in a group."""
        return self._rank

    @rank_id.setter
    def rank_id(self, value: int) -> None:
        self._rank = _check.natural(
            "ascend_rank_id must be a non-negative int.", "ascend_rank_id", value
        )

    @property
    def provider(self) -> str:
        """ "" or "ge"."""
        return self._provider

    @provider.setter
    def provider(self, value: str) -> None:
        _check.isinstance_of("ascend_provider", value, str)
        if value not in ("", "ge"):
            raise ValueError(f"ascend_provider must be in ['', 'ge'], but got {value}.")
        self._provider = value

    def __str__(self) -> str:
        return f"device_type: DeviceType.kAscend,\nprecision_mode: {self._precision},\ndevice_id: {self._device}."

    def __repr__(self) -> str:
        return f"<Context.ascend device_id={self._device} precision_mode={self._precision!r}>"


class _Parallel:
    """Settings of a ModelParallelRunner; ``Context().parallel``."""

    __slots__ = ("_workers", "_config", "_path", "_devices")

    def __init__(self) -> None:
        self._workers = 0
        self._config: Dict[str, Dict[str, str]] = {}
        self._path = ""
        self._devices: List[int] = []

    @property
    def workers_num(self) -> int:
        """Requests that run at once; 0: the CPUs divided by ``cpu.thread_num``."""
        return self._workers

    @workers_num.setter
    def workers_num(self, value: int) -> None:
        self._workers = _check.natural(
            "Set parallel failed, workers_num must be a non-negative int.", "workers_num", value
        )

    @property
    def config_info(self) -> str:
        """Settings by section, printed. Assign a dict of section: {key: value}: it replaces those
        sections.
        """
        return "\n".join(
            f"{section}: " + "\n".join(f"{k} {v}" for k, v in values.items())
            for section, values in sorted(self._config.items())
        )

    @config_info.setter
    def config_info(self, value: Dict[str, Dict[str, str]]) -> None:
        _check.isinstance_of("config_info", value, dict)
        for section, values in value.items():
            if not isinstance(section, str):
                raise _check.type_error("config_info_key", "str", section)
            if not isinstance(values, dict):
                raise _check.type_error("config_info_value", "dict", values)
            for k, v in values.items():
                if not isinstance(k, str):
                    raise _check.type_error("config_info_value_key", "str", k)
                if not isinstance(v, str):
                    raise _check.type_error("config_info_value_value", "str", v)
        self._config.update({section: dict(values) for section, values in value.items()})

    @property
    def config_path(self) -> str:
        """A file of settings; "" is none."""
        return self._path

    @config_path.setter
    def config_path(self, value: _check.PathLike) -> None:
        value = _check.path("config_path", value)
        if not value:
            return
        if not os.path.exists(value):
            raise ValueError("Set parallel failed, config_path does not exist!")
        self._path = value

    @property
    def device_ids(self) -> List[int]:
        """Ids of the devices that workers run on; without effect on CPUs."""
        return list(self._devices)

    @device_ids.setter
    def device_ids(self, value: List[int]) -> None:
        _check.list_of("device_ids", value, int)
        self._devices = [int(v) for v in value]

    def __str__(self) -> str:
        return f"workers num: {self._workers},\nconfig info: {self.config_info},\nconfig file: {self._path}."

    def __repr__(self) -> str:
        return f"<Context.parallel workers_num={self._workers} config_path={self._path!r}>"


class Context:
    """How models run: devices, threads, precision, and the workers of a ModelParallelRunner.

    A context is read when a model is built; later changes do not reach that model. The arguments
    are the older spelling of ``context.cpu``'s settings.

    Example:
        >>> import mindspore_lite as mslite
        >>> context = mslite.Context()
        >>> context.cpu.thread_num = 4
        >>> print(context)
        target: ['cpu'].
    """

    __slots__ = ("_target", "_group_info_file", "_legacy", "cpu", "gpu", "ascend", "parallel")

    cpu: _Cpu
    gpu: _Gpu
    ascend: _Ascend
    parallel: _Parallel

    def __init__(
        self,
        thread_num: Optional[int] = None,
        inter_op_parallel_num: Optional[int] = None,
        thread_affinity_mode: Optional[int] = None,
        thread_affinity_core_list: Optional[List[int]] = None,
        enable_parallel: bool = False,
    ) -> None:
        self._target: List[str] = ["cpu"]
        self._group_info_file = ""
        self._legacy = False
        self.cpu = _Cpu()
        self.gpu = _Gpu()
        self.ascend = _Ascend()
        self.parallel = _Parallel()
        if thread_num is not None:
            self.cpu.thread_num = thread_num
        if inter_op_parallel_num is not None:
            self.cpu.inter_op_parallel_num = inter_op_parallel_num
        if thread_affinity_mode is not None:
            self.cpu.thread_affinity_mode = thread_affinity_mode
        if thread_affinity_core_list is not None:
            self.cpu.thread_affinity_core_list = thread_affinity_core_list
        _check.isinstance_of("enable_parallel", enable_parallel, bool)

    @property
    def target(self) -> List[str]:
        """Devices, of "cpu", "gpu" and "ascend", in order of preference. The CPU stands behind the
        others.
        """
        return self._target

    @target.setter
    def target(self, value: Optional[List[str]]) -> None:
        if not value:
            self._target = ["cpu"]
            return
        _check.list_of("target", value, str)
        for element in value:
            if element.lower() not in _DEVICES:
                raise ValueError(
                    f"target elements must be in {list(_DEVICES)}, but got {element.lower()}."
                )
        self._target = value

    @property
    def group_info_file(self) -> str:
        """Description of a group of devices; without effect on CPUs."""
        return self._group_info_file

    @group_info_file.setter
    def group_info_file(self, value: str) -> None:
        _check.isinstance_of("group_info_file", value, str)
        self._group_info_file = value

    def append_device_info(
        self, device_info: "CPUDeviceInfo | GPUDeviceInfo | AscendDeviceInfo"
    ) -> None:
        """Older spelling: adds a device with its settings. The first call replaces the default."""
        if not isinstance(device_info, (CPUDeviceInfo, GPUDeviceInfo, AscendDeviceInfo)):
            raise _check.type_error("device_info", "DeviceInfo", device_info)
        self._target = (self._target if self._legacy else []) + [device_info.device]
        self._legacy = True
        if isinstance(device_info, CPUDeviceInfo):
            self.cpu.enable_fp16 = device_info.enable_fp16
        elif isinstance(device_info, GPUDeviceInfo):
            self.gpu.enable_fp16 = device_info.enable_fp16
            self.gpu.device_id = device_info.device_id
        else:
            self.ascend.device_id = device_info.device_id

    def _options(self) -> Any:
        """What sessions are made with. Raises MirinError."""
        from ._errors import error

        cpu = self.cpu
        if cpu.thread_num and cpu.inter_op_parallel_num > cpu.thread_num:
            raise error(
                "INVALID_ARGUMENT",
                f"inter_op_parallel_num {cpu.inter_op_parallel_num} is more than thread_num {cpu.thread_num}",
            )
        devices = [name.lower() for name in self._target]
        if devices[-1] != "cpu":
            devices.append("cpu")
        fp16 = cpu.enable_fp16 or ("gpu" in devices and self.gpu.enable_fp16)
        return _capi.session_options(cpu.thread_num, fp16, devices, cpu.thread_affinity_core_list)

    def __str__(self) -> str:
        return f"target: {self._target}."

    def __repr__(self) -> str:
        return f"<Context target={self._target} cpu={self.cpu!r}>"
