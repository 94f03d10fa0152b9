"""What is to be served, checked, and several settings of one servable made one."""

import os
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from .._check import integer, integers, key, string

_CIPHERS = {"AES-GCM": 1, "AES-CBC": 2}
_DEVICES = ("ascend", "gpu", "cpu")


class ServableStartConfig:
    """One version of one servable.

    Args:
        servable_directory (str): holds directories of servables; a relative one is relative to the directory of the script
            that runs, sys.argv[0].
        servable_name (str): directory in it, with servable_config.py and the versions' directories.
        device_ids (int, or list or tuple of int): a replica of the models on each; default: one replica.
        version_number (int): 0: the newest there is.
        device_type (str): "Ascend", "GPU" or "CPU", any case; default: whatever there is.
        num_parallel_workers (int): processes for stages in Python, 0 to 64; at least one for each replica.
        dec_key (bytes): key of encrypted models, 16, 24 or 32 bytes.
        dec_mode (str): "AES-GCM" or "AES-CBC".

    Raises:
        RuntimeError: an argument is wrong.
    """

    def __init__(
        self,
        servable_directory: str,
        servable_name: str,
        device_ids: Union[None, int, Sequence[int]] = None,
        version_number: int = 0,
        device_type: Optional[str] = None,
        num_parallel_workers: int = 0,
        dec_key: Optional[bytes] = None,
        dec_mode: str = "AES-GCM",
    ) -> None:
        directory = string("servable_directory", servable_directory)
        if not os.path.isabs(directory):
            script = os.path.dirname(os.path.realpath(sys.argv[0] if sys.argv else ""))
            directory = os.path.realpath(os.path.join(script, directory))
        self._servable_directory = directory
        self._servable_name = string("servable_name", servable_name)
        self._version_number = integer("version_number", version_number, 0)
        self._device_ids = () if device_ids is None else integers("device_ids", device_ids)
        self._device_type = "none"
        if device_type is not None:
            string("device_type", device_type)
            if device_type.lower() not in _DEVICES:
                raise RuntimeError(
                    f"Unsupported device type '{device_type}', only support 'Ascend', 'GPU', 'CPU' and None, case ignored"
                )
            self._device_type = device_type.lower()
        workers = integer("num_parallel_workers", num_parallel_workers, 0, 64)
        self._num_parallel_workers = workers or (0 if self._device_ids else 1)
        self._dec_key = None if dec_key is None else key("dec_key", dec_key)
        string("dec_mode", dec_mode)
        if dec_mode not in _CIPHERS:
            raise RuntimeError("Parameter 'dec_mode' expected to be 'AES-GCM' or 'AES-CBC'")
        self._dec_mode = dec_mode

    @property
    def servable_directory(self) -> str:
        return self._servable_directory

    @property
    def servable_name(self) -> str:
        return self._servable_name

    @property
    def version_number(self) -> int:
        return self._version_number

    @property
    def device_ids(self) -> Tuple[int, ...]:
        return self._device_ids

    @property
    def device_type(self) -> str:
        return self._device_type

    @property
    def num_parallel_workers(self) -> int:
        return self._num_parallel_workers

    @property
    def dec_key(self) -> Optional[bytes]:
        return self._dec_key

    @property
    def dec_mode(self) -> str:
        return self._dec_mode


class Servable(NamedTuple):
    """Arguments of the library for one version."""

    directory: str
    name: str
    version: int
    device_ids: List[int]
    device_type: str
    workers: int
    key: Optional[bytes]
    cipher: int


def check_configs(configs: Any) -> List[ServableStartConfig]:
    """As a list. Raises RuntimeError."""
    if isinstance(configs, ServableStartConfig):
        return [configs]
    if not isinstance(configs, (list, tuple)):
        raise RuntimeError(
            f"Parameter '{configs}' should be ServableStartConfig, list or tuple of ServableStartConfig, but actually {type(configs)}"
        )
    for config in configs:
        if not isinstance(config, ServableStartConfig):
            raise RuntimeError(
                f"The item of parameter '{configs}' should be ServableStartConfig, but actually {type(config)}"
            )
    return list(configs)


def versions_of(directory: str) -> List[int]:
    """Numbers of the version directories in a servable's directory."""
    names = (e.name for e in os.scandir(directory) if e.is_dir())
    return [int(n) for n in names if n.isascii() and n.isdigit() and str(int(n)) == n and n != "0"]


def _check_exists(config: ServableStartConfig) -> List[int]:
    """The versions there are."""
    directory, name = config.servable_directory, config.servable_name
    where = f"servable directory '{directory}', servable name '{name}'"
    servable = os.path.join(directory, name)
    if os.sep in name or name in (os.curdir, os.pardir) or not os.path.isdir(servable):
        raise RuntimeError(
            f"Check servable config failed, directory '{servable}' not exist, {where}"
        )
    versions = versions_of(servable)
    file = os.path.join(servable, "servable_config.py")
    if not versions and not os.path.isfile(file):
        raise RuntimeError(f"Check servable config failed, file '{file}' not exist, {where}")
    return versions


def merge(configs: Sequence[ServableStartConfig], devices: Sequence[str]) -> List[Servable]:
    """One for each version of each servable. devices: kinds that there are. Raises RuntimeError."""
    first: Dict[str, ServableStartConfig] = {}
    merged: Dict[Tuple[str, int], Servable] = {}
    for config in configs:
        name = config.servable_name
        known = first.setdefault(name, config)
        if known.servable_directory != config.servable_directory:
            raise RuntimeError(
                f"The servable directory of servable name {name} is different in multiple configurations, "
                f"servable directory: {known.servable_directory} and {config.servable_directory}"
            )
        if (known.dec_key, known.dec_mode) != (config.dec_key, config.dec_mode):
            raise RuntimeError(
                f"The dec key or dec mode of servable name {name} is different in multiple configurations."
            )
    for config in configs:
        name = config.servable_name
        versions = _check_exists(config)
        if config.device_type not in ("none", *devices):
            kinds = " or ".join(["None", *(f"'{d.capitalize()}'" for d in devices)])
            raise RuntimeError(
                f"The device type '{config.device_type}' of servable name {name} is inconsistent with current running environment, "
                f"supported device type: {kinds}"
            )
        version = config.version_number or max(versions, default=0)
        other = merged.get((name, version))
        ids = list(config.device_ids)
        workers = config.num_parallel_workers
        if other is not None:
            ids = other.device_ids + [i for i in ids if i not in other.device_ids]
            workers = max(workers, other.workers)
        merged[name, version] = Servable(
            config.servable_directory,
            name,
            version,
            ids,
            config.device_type,
            max(workers, len(ids)),
            config.dec_key,
            _CIPHERS[config.dec_mode] if config.dec_key else 0,
        )
    return list(merged.values())
