"""MindSpore Serving's gRPC messages."""
