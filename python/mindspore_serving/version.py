"""The version of MindSpore Serving whose interface this is."""

__version__ = "2.0.0"
