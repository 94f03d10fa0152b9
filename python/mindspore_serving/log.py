"""The log of this package's Python side, by MindSpore's variables.

GLOG_v: 0 debug, 1 info, 2 warning (default), 3 error. GLOG_logtostderr=0 with GLOG_log_dir=DIR writes DIR/mindspore_serving.log.PID,
which is rotated at logger_maxBytes with logger_backupCount files kept; GLOG_stderrthreshold is the level that goes to stderr as well.
"""

import logging
import logging.handlers
import os
import sys
import threading
import time
from typing import Any, Dict, Optional

__all__ = ["debug", "error", "get_level", "get_log_config", "info", "warning"]

_LEVELS = {"0": logging.DEBUG, "1": logging.INFO, "2": logging.WARNING, "3": logging.ERROR}
_NAMES = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_lock = threading.Lock()
_logger: Optional[logging.Logger] = None


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        micros = int(record.created * 1e6) % 1_000_000
        stamp = time.strftime("%Y-%m-%d-%H:%M:%S", time.localtime(record.created))
        path = record.pathname.replace(os.sep, "/")
        at = path.rfind("mindspore_serving/")
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return (
            f"[{_NAMES.get(record.levelno, record.levelname)}] "
            f"SERVING({record.process}:{record.thread},{record.processName}):"
            f"{stamp}.{micros // 1000:03d}.{micros % 1000:03d} "
            f"[{path[max(at, 0) :]}:{record.lineno}] {text}"
        )


def _config() -> Dict[str, Any]:
    """The variables, checked. Raises ValueError."""
    env = os.environ
    level = env.get("GLOG_v", "2")
    if level not in _LEVELS:
        raise ValueError(f"Incorrect log level, GLOG_v is '{level}', it should be 0, 1, 2 or 3")
    threshold = env.get("GLOG_stderrthreshold", "2")
    if threshold not in _LEVELS:
        raise ValueError(f"Incorrect GLOG_stderrthreshold '{threshold}', it should be 0, 1, 2 or 3")
    to_stderr = env.get("GLOG_logtostderr", "1")
    if to_stderr not in ("0", "1"):
        raise ValueError(f"Incorrect GLOG_logtostderr '{to_stderr}', it should be 0 or 1")
    config: Dict[str, Any] = {"GLOG_v": level, "GLOG_logtostderr": to_stderr}
    if to_stderr == "0":
        directory = env.get("GLOG_log_dir", "")
        if not directory:
            raise ValueError("GLOG_log_dir should be set when GLOG_logtostderr is 0")
        config["GLOG_log_dir"] = os.path.realpath(directory)
        config["GLOG_stderrthreshold"] = threshold
        for name, default in (("logger_maxBytes", 52428800), ("logger_backupCount", 30)):
            text = env.get(name, str(default))
            if not text.isdecimal():
                raise ValueError(f"Incorrect {name} '{text}', it should be a number >= 0")
            config[name] = int(text)
    return config


def _make() -> logging.Logger:
    config = _config()
    logger = logging.Logger("mindspore_serving", _LEVELS[config["GLOG_v"]])
    stderr = logging.StreamHandler(sys.stderr)
    handlers: "list[logging.Handler]" = [stderr]
    if config["GLOG_logtostderr"] == "0":
        stderr.setLevel(_LEVELS[config["GLOG_stderrthreshold"]])
        os.makedirs(config["GLOG_log_dir"], mode=0o700, exist_ok=True)
        handlers.append(
            logging.handlers.RotatingFileHandler(
                os.path.join(config["GLOG_log_dir"], f"mindspore_serving.log.{os.getpid()}"),
                maxBytes=config["logger_maxBytes"],
                backupCount=config["logger_backupCount"],
            )
        )
    for handler in handlers:
        handler.setFormatter(_Formatter())
        logger.addHandler(handler)
    return logger


def _get() -> logging.Logger:
    global _logger
    with _lock:
        if _logger is None:
            _logger = _make()
        return _logger


def debug(msg: object, *args: object) -> None:
    """Writes a line of level DEBUG; `args` are filled into `msg` by %."""
    _get().debug(msg, *args, stacklevel=2)


def info(msg: object, *args: object) -> None:
    """Writes a line of level INFO."""
    _get().info(msg, *args, stacklevel=2)


def warning(msg: object, *args: object) -> None:
    """Writes a line of level WARNING."""
    _get().warning(msg, *args, stacklevel=2)


def error(msg: object, *args: object, exc_info: Any = None) -> None:
    """Writes a line of level ERROR, with the traceback of an exception."""
    _get().error(msg, *args, exc_info=exc_info, stacklevel=2)


def get_level() -> str:
    """The level in use: "0" debug .. "3" error."""
    return str(_config()["GLOG_v"])


def get_log_config() -> Dict[str, Any]:
    """The settings in use, by the names of their variables. Raises ValueError for a bad one."""
    return _config()
