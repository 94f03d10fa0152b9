"""y = x1 + x2; version 2 adds 100."""

import numpy as np
from mindspore_serving.server import register

model = register.declare_model(model_file="tensor_add.mindir", model_format="MindIR", with_batch_dim=False)


def to_float32(x1, x2):
    return x1.astype(np.float32), x2.astype(np.float32)


@register.register_method(output_names=["y"])
def add_common(x1, x2):
    return register.add_stage(model, x1, x2, outputs_count=1)


@register.register_method(output_names=["y"])
def add_cast(x1, x2):
    x1, x2 = register.add_stage(to_float32, x1, x2, outputs_count=2)
    return register.add_stage(model, x1, x2, outputs_count=1)
