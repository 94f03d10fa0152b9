"""Settings of the server."""

from .._server import set_max_enqueued_requests

__all__ = ["set_max_enqueued_requests"]
