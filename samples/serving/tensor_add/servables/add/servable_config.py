"""The servable add: y = x1 + x2, as methods of one model."""

import numpy as np
from mindspore_serving.server import register

# The model adds float32[2, 2]; nothing in it is a batch.
model = register.declare_model(
    model_file="tensor_add.mindir", model_format="MindIR", with_batch_dim=False
)


def to_float32(x1, x2):
    """Takes numbers of any type. Runs in a Python process, once for each instance."""
    return x1.astype(np.float32), x2.astype(np.float32)


@register.register_method(output_names=["y"])
def add_common(x1, x2):
    """Takes float32; never leaves the server's process."""
    return register.add_stage(model, x1, x2, outputs_count=1)


@register.register_method(output_names=["y"])
def add_cast(x1, x2):
    """Takes numbers of any type."""
    x1, x2 = register.add_stage(to_float32, x1, x2, outputs_count=2)
    return register.add_stage(model, x1, x2, outputs_count=1)
