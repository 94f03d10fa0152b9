"""A model server in this process.

    from mindspore_serving import server

    server.start_servables(server.ServableStartConfig("servables", "add", device_ids=0))
    server.start_grpc_server("127.0.0.1:5500")
    server.start_restful_server("127.0.0.1:1500")

It serves until stop(), SIGTERM or SIGINT. Requests in progress are answered first.
"""

from . import distributed, master, register
from ._config import ServableStartConfig
from ._server import (
    SSLConfig,
    start_grpc_server,
    start_restful_server,
    start_servables,
    stop,
)

__all__ = [
    "SSLConfig",
    "ServableStartConfig",
    "distributed",
    "master",
    "register",
    "start_grpc_server",
    "start_restful_server",
    "start_servables",
    "stop",
]
# MindSpore Serving has the names of these two here as well; declare_servable is register's.
for _module in (distributed, register):
    globals().update({name: getattr(_module, name) for name in _module.__all__})
    __all__ += [name for name in _module.__all__ if name not in __all__]
