"""What the serving benchmark asks for; the original serves the same file."""
import numpy as np
from mindspore_serving.server import register

model = register.declare_model(model_file="tensor_add.mindir", model_format="MindIR", with_batch_dim=False)


def same(x):
    """Hands its input back."""
    return x


def call_50(x1, x2):
    """Runs the model 50 times."""
    for _ in range(50):
        y = model.call(x1, x2)
    return np.asarray(y)


@register.register_method(output_names=["y"])
def add(x1, x2):
    """One model."""
    return register.add_stage(model, x1, x2, outputs_count=1)


@register.register_method(output_names=["y"])
def echo(x):
    """One stage in Python."""
    return register.add_stage(same, x, outputs_count=1)


@register.register_method(output_names=["y"])
def calls(x1, x2):
    """One stage that calls the model 50 times."""
    return register.add_stage(call_50, x1, x2, outputs_count=1)
