"""The process that runs a servable's Python stages: `python -m mindspore_serving.worker`, started by the server."""
