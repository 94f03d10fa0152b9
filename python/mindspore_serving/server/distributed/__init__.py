"""Distributed servables: importable, but not in this build."""

from typing import Any, NoReturn

__all__ = ["declare_servable", "start_servable", "startup_agents"]


class DistributedNotSupportedError(NotImplementedError):
    """Distributed servables are not in this build."""


def _refuse(name: str) -> NoReturn:
    raise DistributedNotSupportedError(
        f"distributed.{name}: distributed servables (models that are split over several devices) are not supported by this build"
    )


def declare_servable(
    rank_size: int,
    stage_size: int,
    with_batch_dim: bool = True,
    without_batch_dim_inputs: Any = None,
    enable_pipeline_infer: bool = False,
) -> NoReturn:
    """Raises RuntimeError: not in this build."""
    _refuse("declare_servable")


def start_servable(
    servable_directory: str,
    servable_name: str,
    rank_table_json_file: str,
    version_number: int = 1,
    distributed_address: str = "0.0.0.0:6200",
    wait_agents_time_in_seconds: int = 0,
) -> NoReturn:
    """Raises RuntimeError: not in this build."""
    _refuse("start_servable")


def startup_agents(
    distributed_address: str,
    model_files: Any,
    group_config_files: Any = None,
    agent_start_port: int = 7000,
    agent_ip: Any = None,
    rank_start: Any = None,
    dec_key: Any = None,
    dec_mode: str = "AES-GCM",
) -> NoReturn:
    """Raises RuntimeError: not in this build."""
    _refuse("startup_agents")
