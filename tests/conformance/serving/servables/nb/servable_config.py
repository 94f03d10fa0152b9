"""A batch of four whose second input all instances share."""

from mindspore_serving.server import register

model = register.declare_model(model_file="shared_add.mindir", model_format="MindIR", without_batch_dim_inputs=(1,))


@register.register_method(output_names=["y"])
def add(x1, x2):
    return register.add_stage(model, x1, x2, outputs_count=1)
