"""Settings of the server."""

from . import context

__all__ = ["context"]
