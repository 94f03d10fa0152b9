"""Two models, stages in Python between them, and models that stages call."""

import numpy as np
from mindspore_serving.server import register

add_model = register.declare_model(model_file="tensor_add.mindir", model_format="MindIR", with_batch_dim=False)
sub_model = register.declare_model(model_file="tensor_sub.mindir", model_format="MindIR", with_batch_dim=False)


def preprocess(x1, x2, x3):
    return x1 + np.float32(1), x2, x3


def postprocess(y):
    return y + np.float32(1)


def loop_call(x, n):
    y = x
    for _ in range(n.item()):
        y = add_model.call(y, x)
    return y


def multi_call(x1, x2):
    (a,), (b,) = add_model.call([[x1, x2], [x1, x2]])
    return a, b


def bad_call(x1, x2):
    return add_model.call(x1)


def bad_subgraph(x1, x2):
    return add_model.call(x1, x2, subgraph=3)


@register.register_method(output_names=["y"])
def add_sub_only_model(x1, x2, x3):
    y = register.add_stage(add_model, x1, x2, outputs_count=1)
    return register.add_stage(sub_model, y, x3, outputs_count=1)


@register.register_method(output_names=["y"])
def add_sub_complex(x1, x2, x3):
    x1, x2, x3 = register.add_stage(preprocess, x1, x2, x3, outputs_count=3)
    y = register.add_stage(add_model, x1, x2, outputs_count=1)
    y = register.add_stage(sub_model, y, x3, outputs_count=1)
    return register.add_stage(postprocess, y, outputs_count=1)


@register.register_method(output_names=["y"])
def call_loop(x, n):
    return register.add_stage(loop_call, x, n, outputs_count=1)


@register.register_method(output_names=["a", "b"])
def call_multi(x1, x2):
    return register.add_stage(multi_call, x1, x2, outputs_count=2)


@register.register_method(output_names=["y"])
def call_bad_inputs(x1, x2):
    return register.add_stage(bad_call, x1, x2, outputs_count=1)


@register.register_method(output_names=["y"])
def call_bad_subgraph(x1, x2):
    return register.add_stage(bad_subgraph, x1, x2, outputs_count=1)
