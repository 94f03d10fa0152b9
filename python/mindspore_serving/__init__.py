"""MindSpore Serving's Python interface over Mirin's model server.

    from mindspore_serving import server
    from mindspore_serving.client import Client

Modules with an underscore in front are private.
"""

from .version import __version__

__all__ = ["__version__"]
