"""Client of a model server.

from mindspore_serving.client import Client

with Client("127.0.0.1:5500", "add", "add_common") as client:
    print(client.infer([{"x1": x1, "x2": x2}]))
"""

from ._client import AsyncClient, Client, InferFuture, ServingError, SSLConfig

__all__ = ["AsyncClient", "Client", "InferFuture", "SSLConfig", "ServingError"]
