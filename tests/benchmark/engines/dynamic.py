"""Networks of fixed shapes with open ones instead, and what a new shape costs each engine."""
import statistics

LENGTHS = [5, 12, 20, 31, 40, 55, 64, 77, 90, 110, 128]  # tokens
RECIPE = "minilm_b1"


def make(recipe, folder, convert):
    """folder/model.onnx takes any number of tokens, folder/in_N has inputs of N; convert(onnx, out) writes Mirin's file."""
    import lab
    import numpy as np
    import onnx
    import recipes
    from onnx import helper, numpy_helper

    model, inputs = recipes.build(recipe)
    graph = model.graph
    # Reshapes keep their first two sizes, positions are cut to the length.
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    constants = [t for t in graph.initializer if t.name in shapes]
    constants += [node.attribute[0].t for node in graph.node if node.op_type == "Constant" and node.output[0] in shapes]
    for tensor in constants:
        tensor.CopyFrom(numpy_helper.from_array(np.concatenate([[0, 0], numpy_helper.to_array(tensor)[2:]]).astype(np.int64), tensor.name))
    gather = next(node for node in graph.node if node.op_type == "Gather" and "position" in node.input[0])
    cut = [helper.make_node("Shape", [graph.input[0].name], ["cut_shape"]), helper.make_node("Gather", ["cut_shape", "cut_one"], ["cut_length"]),
           helper.make_node("Slice", [gather.input[1], "cut_zero", "cut_length", "cut_one"], ["cut_positions"])]
    gather.input[1] = "cut_positions"
    for node in reversed(cut):
        graph.node.insert(0, node)
    graph.initializer.extend(numpy_helper.from_array(np.array([value], np.int64), name) for name, value in (("cut_zero", 0), ("cut_one", 1)))
    for value in [*graph.input, *graph.output]:
        if value.name in inputs or len(value.type.tensor_type.shape.dim) == 3:
            value.type.tensor_type.shape.dim[1].dim_param = "tokens"
    del graph.value_info[:]
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "model.onnx"))
    for length in LENGTHS:
        lab.write_arrays(folder / f"in_{length}", "inputs.txt", {name: array[:, :length] for name, array in inputs.items()})
    convert(folder / "model.onnx", folder / "model")


def measure(worker, folder, rounds, clock):
    """(first pass, steady pass, planning of each length) in ms."""
    worker.run(1)  # weights are packed once, for any length
    first, plans, steady = 0.0, [], 0.0
    for length in LENGTHS:
        plans.append(float(worker.ask("inputs", dir=folder / f"in_{length}")["plan_ms"]))
        first += plans[-1] + worker.run(1, clock=clock)[0] / 1e3
    for length in LENGTHS:
        worker.ask("inputs", dir=folder / f"in_{length}")
        worker.run(1)
        steady += statistics.median(worker.run(rounds, clock=clock)) / 1e3
    return first, steady, plans
