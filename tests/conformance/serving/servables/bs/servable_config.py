"""A model with a batch of four, and stages that take batches."""

import numpy as np
from mindspore_serving.server import register

model = register.declare_model(model_file="batch_add.mindir", model_format="MindIR")


def count0(instances):
    for x1, x2 in instances:
        yield x1, x2, np.int32(len(instances))


def count3(instances):
    return [(x1, x2, np.int32(len(instances))) for x1, x2 in instances]


@register.register_method(output_names=["y"])
def plain(x1, x2):
    return register.add_stage(model, x1, x2, outputs_count=1)


@register.register_method(output_names=["y", "n"])
def batch0(x1, x2):
    x1, x2, n = register.add_stage(count0, x1, x2, outputs_count=3, batch_size=0)
    return register.add_stage(model, x1, x2, outputs_count=1), n


@register.register_method(output_names=["y", "n"])
def batch3(x1, x2):
    x1, x2, n = register.add_stage(count3, x1, x2, outputs_count=3, batch_size=3)
    return register.add_stage(model, x1, x2, outputs_count=1), n
