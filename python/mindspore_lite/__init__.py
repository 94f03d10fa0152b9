"""MindSpore Lite's Python interface over Mirin, a native runtime for MindIR models.

    import mindspore_lite as mslite

Errors are RuntimeErrors whose text tells the reason; see MirinError. The package's own modules,
those with an underscore in front, are private.
"""

import os as _os

from . import _capi
from ._enums import DataType, FmkType, Format, ModelGroupFlag, ModelType
from ._errors import (
    DeadlineExceededError,
    InvalidArgumentError,
    MirinError,
    NotFoundError,
    ResourceExhaustedError,
    UnimplementedError,
)
from ._legacy import AscendDeviceInfo, CPUDeviceInfo, GPUDeviceInfo, RunnerConfig
from .context import Context
from .converter import Converter
from .model import Model, ModelGroup, ModelParallelRunner
from .tensor import Tensor

#: The version of MindSpore Lite whose interface this is.
__version__: str = "2.0.0"
#: The version of Mirin, the library below.
__mirin_version__: str = _capi.mirin_version_string()

__all__ = [
    "AscendDeviceInfo",
    "CPUDeviceInfo",
    "Context",
    "Converter",
    "DataType",
    "DeadlineExceededError",
    "FmkType",
    "Format",
    "GPUDeviceInfo",
    "InvalidArgumentError",
    "MirinError",
    "Model",
    "ModelGroup",
    "ModelGroupFlag",
    "ModelParallelRunner",
    "ModelType",
    "NotFoundError",
    "ResourceExhaustedError",
    "RunnerConfig",
    "Tensor",
    "UnimplementedError",
    "install_custom_kernels",
]


def install_custom_kernels() -> None:
    """Always raises NotImplementedError: custom kernels are for Ascend devices, which this release
    does not run on.
    """
    raise UnimplementedError(
        "UNIMPLEMENTED", "custom kernels are for Ascend devices, which this release does not run on"
    )


def _set_log_level() -> None:
    """GLOG_v of MindSpore Lite, unless MIRIN_LOG says something."""
    levels = {
        "0": _capi.MIRIN_LOG_DEBUG,
        "1": _capi.MIRIN_LOG_INFO,
        "2": _capi.MIRIN_LOG_WARNING,
        "3": _capi.MIRIN_LOG_ERROR,
        "4": _capi.MIRIN_LOG_OFF,
    }
    level = levels.get(_os.environ.get("GLOG_v", ""))
    if level is not None and "MIRIN_LOG" not in _os.environ:
        _capi.mirin_log_set_level(level)


for _error in (
    MirinError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    UnimplementedError,
    DeadlineExceededError,
):
    _error.__module__ = __name__  # tracebacks name them as users do

if _capi.mirin_api_version() >> 16 != _capi.MIRIN_API_MAJOR:
    raise ImportError(
        f"libmirin has the interface version {_capi.mirin_api_version() >> 16}, "
        f"this package is for {_capi.MIRIN_API_MAJOR}"
    )
_set_log_level()
