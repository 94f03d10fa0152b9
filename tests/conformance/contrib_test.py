"""contrib_test.py LIBRARY_FOLDER [--only SUBSTRING]

Operators of onnxruntime's own domain and of ai.onnx.ml that have no node tests: a small model each, converted and run, against onnxruntime with
its optimizations off. Prints what differs; what has to be refused is named with the word that the refusal must hold.
"""
import argparse
import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import mirin_c

OPSET = 20
CASES = []


class Case:
    """A model of one node. Values of `inputs` are arrays, None for an absent operand; those numbered in `constant` are initializers,
    and axes in `open_dims` (of inputs of three axes and more, or by input) have no size in the model. `reference` makes the results where onnxruntime cannot."""

    def __init__(self, name, op, inputs, outputs=1, constant=(), domain="com.microsoft", refused=None, open_dims=(), only_valid=None, tolerance=None, reference=None, **attributes):
        self.name, self.op, self.inputs, self.domain, self.refused, self.attributes = name, op, inputs, domain, refused, attributes
        self.outputs = [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else [f"y{i}" if wanted else "" for i, wanted in enumerate(outputs)]
        self.constant, self.open_dims, self.only_valid, self.tolerance, self.reference = set(constant), open_dims, only_valid, tolerance, reference
        CASES.append(self)

    def model(self):
        names = ["" if x is None else f"x{i}" for i, x in enumerate(self.inputs)]
        node = helper.make_node(self.op, names, self.outputs, name="node", domain=self.domain, **self.attributes)
        inputs, initializers = [], []
        for i, x in enumerate(self.inputs):
            if x is None:
                continue
            if i in self.constant:
                initializers.append(numpy_helper.from_array(x, f"x{i}"))
            else:
                open_axes = self.open_dims.get(i, ()) if isinstance(self.open_dims, dict) else self.open_dims if x.ndim > 2 else ()
                dims = [f"d{i}_{k}" if k in open_axes else d for k, d in enumerate(x.shape)]
                inputs.append(helper.make_tensor_value_info(f"x{i}", helper.np_dtype_to_tensor_dtype(x.dtype), dims))
        outputs = [onnx.ValueInfoProto(name=o) for o in self.outputs if o]
        graph = helper.make_graph([node], "g", inputs, outputs, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=9)

    def feeds(self):
        return {f"x{i}": x for i, x in enumerate(self.inputs) if x is not None and i not in self.constant}


def difference(case, got, want):
    if want.dtype == object:
        return None if got.shape == want.shape and list(got.flat) == list(want.flat) else f"{got.tolist()} instead of {want.tolist()}"
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
    if want.dtype.kind in "iu":
        if want.dtype.itemsize > 1:
            return None if np.array_equal(got, want) else f"{got.tolist()} instead of {want.tolist()}"
        off = np.abs(got.astype(np.int64) - want.astype(np.int64))
        # Ties of rounding may fall to either side, rarely.
        return None if off.max(initial=0) <= 1 and (off > 0).mean() <= 0.02 else f"{(off > 0).sum()} of {off.size} differ, by up to {off.max()}"
    tolerance = case.tolerance or (2e-3 if want.dtype == np.float16 else 2e-5)
    try:
        np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=tolerance, atol=tolerance)
    except AssertionError as e:
        return " ".join(line for line in str(e).splitlines() if line)[:300]
    return None


def run_onnxruntime(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, feeds)


def outcome(mirin, case, folder):
    """None, or what is wrong."""
    model = case.model()
    path = os.path.join(folder, "model.onnx")
    onnx.save(model, path)
    try:
        converted = mirin.convert(fmk="ONNX", modelFile=path)
    except mirin_c.MirinError as e:
        if case.refused is not None:
            return None if case.refused in str(e) else f"refused by another word: {e}"
        return f"not converted: {e}"
    if case.refused is not None:
        return "it was converted"
    want = [case.reference()] if case.reference else run_onnxruntime(path, case.feeds())
    try:
        got = mirin.run(converted, list(case.feeds().values()))
    except mirin_c.MirinError as e:
        return f"it does not run: {e}"
    if len(got) != len(want):
        return f"{len(got)} outputs instead of {len(want)}"
    for i, (g, w) in enumerate(zip(got, want)):
        if case.only_valid is not None:
            g, w = case.only_valid(i, g), case.only_valid(i, w)
        why = difference(case, g, w)
        if why:
            return f"output {i}: {why}"
    return None


RNG = np.random.default_rng(7)


def f32(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def f16(*shape):
    return RNG.standard_normal(shape).astype(np.float16)


def u8(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def i8(*shape):
    return RNG.integers(-128, 128, shape).astype(np.int8)


def scalar(value, dtype=np.float32):
    return np.array(value, dtype)


def activations():
    Case("gelu", "Gelu", [3 * f32(4, 9)])
    Case("fast gelu", "FastGelu", [3 * f32(4, 9)])
    Case("fast gelu with a bias", "FastGelu", [3 * f32(2, 4, 9), f32(9)])
    Case("bias gelu", "BiasGelu", [3 * f32(2, 4, 9), f32(9)])
    Case("quick gelu", "QuickGelu", [3 * f32(4, 9)])
    Case("quick gelu, alpha", "QuickGelu", [3 * f32(4, 9)], alpha=1.0)


def normalisations():
    Case("skip layer norm", "SkipLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8)])
    Case("skip layer norm, bias and sum", "SkipLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8), f32(8)], outputs=[1, 0, 0, 1], epsilon=1e-3)
    Case("skip layer norm, no beta", "SkipLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8), None, f32(8)])
    Case("skip layer norm, one skip for all", "SkipLayerNormalization", [f32(2, 3, 8), f32(1, 3, 8), f32(8), f32(8)])
    Case("skip layer norm, skip of two axes", "SkipLayerNormalization", [f32(2, 3, 8), f32(3, 8), f32(8), f32(8)], open_dims=(0, 1))
    Case("skip rms norm", "SkipSimplifiedLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8)], outputs=[1, 0, 0, 1])
    Case("skip rms norm, bias", "SkipSimplifiedLayerNormalization", [f32(2, 3, 8), f32(2, 3, 8), f32(8), f32(8)], epsilon=1e-2)
    Case("rms norm", "SimplifiedLayerNormalization", [f32(2, 3, 8), f32(8)], domain="", epsilon=1e-2)
    Case("rms norm of two axes", "SimplifiedLayerNormalization", [f32(2, 3, 8), f32(3, 8)], domain="", axis=1)
    Case("rms norm with its factor", "SimplifiedLayerNormalization", [f32(2, 3, 8), f32(8)], outputs=2, domain="")
    ids = RNG.integers(0, 5, (2, 4)).astype(np.int32)
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], np.int32)
    tables = [f32(9, 8), f32(6, 8), f32(5, 8), f32(8), f32(8)]
    Case("embed layer norm", "EmbedLayerNormalization", [ids, ids, *tables, mask], outputs=2)
    Case("embed layer norm, sum", "EmbedLayerNormalization", [ids, ids, *tables], outputs=3)
    Case("embed layer norm, no segments", "EmbedLayerNormalization", [ids, None, tables[0], tables[1], None, tables[3], tables[4], mask], outputs=2, epsilon=1e-3)
    Case("embed layer norm, positions", "EmbedLayerNormalization", [ids, ids, *tables, None, RNG.integers(0, 6, (2, 4)).astype(np.int32)], outputs=[1, 0])


def attention():
    b, s, n, h = 2, 3, 2, 4
    width = n * h
    x, w, bias = f32(b, s, 6), f32(6, 3 * width), f32(3 * width)
    ends, begins = np.array([2, 3], np.int32), np.array([1, 0], np.int32)
    raw = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    Case("attention", "Attention", [x, w, bias], num_heads=n)
    Case("attention, no bias", "Attention", [x, w], num_heads=n, scale=0.3)
    Case("attention, causal", "Attention", [x, w, bias], num_heads=n, unidirectional=1)
    Case("attention, key ends", "Attention", [x, w, bias, ends], num_heads=n)
    Case("attention, key ends and begins", "Attention", [x, w, bias, np.concatenate([ends, begins])], num_heads=n)
    Case("attention, raw mask", "Attention", [x, w, bias, raw], num_heads=n, open_dims=(0, 1))
    Case("attention, filter", "Attention", [x, w, bias, raw], num_heads=n, mask_filter_value=-1.0)
    Case("attention, causal and raw mask", "Attention", [x, w, bias, np.zeros((b, s), np.int32)], num_heads=n, unidirectional=1)
    Case("attention, mask of three axes", "Attention", [x, w, bias, RNG.integers(0, 2, (b, s, s)).astype(np.int32)], num_heads=n)
    Case("attention, added bias", "Attention", [x, w, bias, raw, None, f32(1, n, s, s)], num_heads=n, unidirectional=1)
    Case("attention, other value width", "Attention", [x, f32(6, 2 * width + 6), f32(2 * width + 6)], num_heads=n, qkv_hidden_sizes=[width, width, 6])
    past = f32(2, b, n, 5, h)
    Case("attention, past", "Attention", [x, w, bias, None, past], outputs=2, num_heads=n, unidirectional=1)
    Case("attention, past and mask", "Attention", [x, w, bias, RNG.integers(0, 2, (b, 8)).astype(np.int32), past], outputs=2, num_heads=n)
    Case("attention, rotary", "Attention", [x, w, bias], num_heads=n, do_rotary=1, refused="do_rotary")
    Case("attention, mask of four axes", "Attention", [x, w, bias, np.ones((b, 1, 8, 8), np.int32)], num_heads=n, refused="rank 4")
    q8, w8 = u8(b, s, 6), i8(6, 3 * width)
    Case("quantized attention", "QAttention", [q8, w8, bias, scalar(0.02), scalar(0.01), None, scalar(120, np.uint8), scalar(3, np.int8)], num_heads=n, tolerance=1e-4)
    Case("quantized attention, causal", "QAttention", [q8, w8, bias, scalar(0.02), scalar(0.01), ends, scalar(120, np.uint8)], num_heads=n, unidirectional=1, tolerance=1e-4)

    q, k, v = f32(b, s, width), f32(b, 5, width), f32(b, 5, width)
    Case("multi-head attention", "MultiHeadAttention", [q, k, v], num_heads=n)
    Case("multi-head attention, open sizes", "MultiHeadAttention", [q, k, v], num_heads=n, open_dims=(0, 1))
    Case("multi-head attention, bias", "MultiHeadAttention", [q, k, v, f32(3 * width)], num_heads=n, scale=0.7)
    Case("multi-head attention, causal", "MultiHeadAttention", [q, f32(b, s, width), f32(b, s, width)], num_heads=n, unidirectional=1)
    Case("multi-head attention, value width", "MultiHeadAttention", [q, k, f32(b, 5, 6), f32(2 * width + 6)], num_heads=n)
    Case("multi-head attention, key ends", "MultiHeadAttention", [q, k, v, None, np.array([4, 2], np.int32)], num_heads=n)
    Case("multi-head attention, raw mask", "MultiHeadAttention", [q, k, v, None, RNG.integers(0, 2, (b, 5)).astype(np.int32)], num_heads=n, mask_filter_value=-2.0)
    Case("multi-head attention, added bias", "MultiHeadAttention", [q, k, v, None, None, f32(b, 1, s, 5)], num_heads=n)
    Case("multi-head attention, past", "MultiHeadAttention", [q, f32(b, s, width), f32(b, s, width), None, None, None, f32(b, n, 4, h), f32(b, n, 4, h)], outputs=3, num_heads=n)
    Case("multi-head attention, keys made before", "MultiHeadAttention", [q, f32(b, n, 5, h), f32(b, n, 5, h)], num_heads=n)
    Case("multi-head attention, keys made before, bias", "MultiHeadAttention", [q, f32(b, n, 5, h), f32(b, n, 5, h), f32(3 * width)], num_heads=n)
    Case("multi-head attention, packed", "MultiHeadAttention", [f32(b, s, n, 3, h)], num_heads=n, refused="packed")


def grouped_queries():
    b, s, n, kv, h = 2, 3, 4, 2, 16
    lengths = np.array([s - 1, s - 1], np.int32)
    total = np.array(s, np.int32)
    q, k, v = f32(b, s, n * h), f32(b, s, kv * h), f32(b, s, kv * h)
    angles = f32(16, h // 2)
    cosine, sine = np.cos(angles), np.sin(angles)
    heads = {"num_heads": n, "kv_num_heads": kv}
    empty = np.zeros((b, kv, 0, h), np.float32)
    Case("grouped queries, first prompt", "GroupQueryAttention", [q, k, v, None, None, lengths, total], outputs=3, **heads)
    Case("grouped queries, packed", "GroupQueryAttention", [f32(b, s, (n + 2 * kv) * h), None, None, None, None, lengths, total], outputs=3, **heads)
    Case("grouped queries, empty past", "GroupQueryAttention", [q, k, v, empty, empty, lengths, total], outputs=3, **heads)
    Case("grouped queries, rotary", "GroupQueryAttention", [q, k, v, None, None, lengths, total, cosine, sine], outputs=3, do_rotary=1, **heads)
    Case("grouped queries, interleaved", "GroupQueryAttention", [q, k, v, None, None, lengths, total, cosine, sine], outputs=3, do_rotary=1, rotary_interleaved=1, **heads)
    Case("grouped queries, softcap", "GroupQueryAttention", [q, k, v, None, None, lengths, total], outputs=3, softcap=1.5, scale=0.9, **heads)
    ragged = np.array([0, s - 1], np.int32)
    Case("grouped queries, ragged prompt", "GroupQueryAttention", [q, k, v, None, None, ragged, total, cosine, sine], do_rotary=1, only_valid=lambda i, y: np.concatenate([y[0, :1], y[1]]), **heads)
    past = 5
    step = [f32(b, 1, n * h), f32(b, 1, kv * h), f32(b, 1, kv * h), f32(b, kv, past, h), f32(b, kv, past, h)]
    now = np.array([past, past], np.int32)
    Case("grouped queries, one more token", "GroupQueryAttention", [*step, now, np.array(past + 1, np.int32), cosine, sine], outputs=3, do_rotary=1, **heads)
    Case("grouped queries, window", "GroupQueryAttention", [*step, now, np.array(past + 1, np.int32)], outputs=3, local_window_size=3, **heads)
    Case("grouped queries, open sizes", "GroupQueryAttention", [*step, now, np.array(past + 1, np.int32), cosine, sine], outputs=3, do_rotary=1, open_dims=(0, 1, 2), refused="last axis", **heads)
    Case("grouped queries, open lengths", "GroupQueryAttention", [f32(1, 1, n * h), f32(1, 1, kv * h), f32(1, 1, kv * h), f32(1, kv, past, h), f32(1, kv, past, h), now[:1], np.array(past + 1, np.int32), cosine, sine],
         outputs=3, do_rotary=1, constant=(7, 8), open_dims={0: (0, 1), 1: (0, 1), 2: (0, 1), 3: (0, 2), 4: (0, 2)}, **heads)
    room = [f32(b, 1, n * h), f32(b, 1, kv * h), f32(b, 1, kv * h), f32(b, kv, 9, h), f32(b, kv, 9, h)]
    Case("grouped queries, cache with room", "GroupQueryAttention", [*room, np.array([5, 3], np.int32), np.array(6, np.int32), cosine, sine], outputs=[1, 1, 1], do_rotary=1,
         only_valid=lambda i, y: y if i == 0 else np.concatenate([y[0, :, :6], y[1, :, :4]], 1), **heads)
    Case("grouped queries, added bias", "GroupQueryAttention", [*step, now, np.array(past + 1, np.int32), None, None, None, f32(1, n, 1, past + 1)], outputs=3, **heads)
    Case("grouped queries, sink", "GroupQueryAttention", [q, k, v, None, None, lengths, total, None, None, None, None, f32(n)], outputs=3, refused="head_sink", **heads)


def rotary():
    angles = f32(12, 4)
    cosine, sine = np.cos(angles), np.sin(angles)
    positions = RNG.integers(0, 12, (2, 3)).astype(np.int64)
    Case("rotary", "RotaryEmbedding", [f32(2, 3, 16), positions, cosine, sine])
    Case("rotary from an offset", "RotaryEmbedding", [f32(2, 3, 16), np.array([4], np.int64), cosine, sine])
    Case("rotary of heads", "RotaryEmbedding", [f32(2, 2, 3, 8), positions, cosine, sine], interleaved=1)
    Case("rotary of a part", "RotaryEmbedding", [f32(2, 3, 32), positions, cosine, sine], num_heads=2, rotary_embedding_dim=8)
    Case("rotary of packed rows", "RotaryEmbedding", [f32(2, 3, 16), positions, cosine, sine], is_packed_batching=1, refused="is_packed_batching")


def products():
    Case("fused product", "FusedMatMul", [f32(2, 3, 4), f32(4, 5)], alpha=0.5)
    Case("fused product, transposed", "FusedMatMul", [f32(2, 4, 3), f32(2, 5, 4)], transA=1, transB=1)
    Case("fused product, batches inside", "FusedMatMul", [f32(3, 2, 4), f32(2, 4, 5)], transBatchA=1)
    Case("fused product, batches inside both", "FusedMatMul", [f32(4, 2, 3), f32(5, 2, 4)], transBatchA=1, transA=1, transBatchB=1, transB=1)
    Case("fused product of vectors", "FusedMatMul", [f32(4), f32(4, 5)], transA=1)
    Case("fused gemm", "FusedGemm", [f32(3, 4), f32(4, 5), f32(5)], activation="Relu", alpha=0.5, beta=2.0)
    Case("fused gemm, leaky", "FusedGemm", [f32(4, 3), f32(5, 4), f32(3, 1)], activation="LeakyRelu", activation_alpha=0.3, transA=1, transB=1)
    Case("integers to float", "MatMulIntegerToFloat", [u8(2, 3, 4), i8(4, 5), scalar(0.1), f32(5), scalar(100, np.uint8), i8(5), f32(5)])
    Case("integers to float, plain", "MatMulIntegerToFloat", [i8(3, 4), i8(4, 5), scalar(0.1), scalar(0.2)])
    Case("dynamic product", "DynamicQuantizeMatMul", [f32(3, 40), i8(40, 5), scalar(0.02), scalar(3, np.int8), f32(5)], tolerance=1e-4)
    Case("dynamic product by column", "DynamicQuantizeMatMul", [f32(2, 3, 40), u8(40, 5), np.abs(f32(5)), u8(5)], tolerance=1e-4)
    Case("dynamic product of zeros", "DynamicQuantizeMatMul", [np.zeros((3, 4), np.float32), i8(4, 5), scalar(0.02)])


def channels_last(x, w, bias, pads):
    """A convolution of [N, H, W, C]."""
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=pads)
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "xwby"]
    model = helper.make_model(helper.make_graph([node], "g", infos[:3], infos[3:]), opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    y = run_onnxruntime(model.SerializeToString(), {"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2)), "w": w, "b": bias})
    return y[0].transpose(0, 2, 3, 1)


def convolutions():
    x, w = f32(2, 3, 7, 6), f32(4, 3, 3, 3)
    Case("fused convolution", "FusedConv", [x, w, f32(4)], activation="Relu", pads=[1, 1, 1, 1])
    Case("fused convolution, sum", "FusedConv", [x, w, f32(4), f32(2, 4, 5, 4)], activation="Clip", activation_params=[-0.5, 0.5])
    Case("fused convolution, leaky", "FusedConv", [x, w], activation="LeakyRelu", activation_params=[0.3], strides=[2, 2], constant=(1,))
    Case("fused convolution, hard sigmoid", "FusedConv", [x, w], activation="HardSigmoid", activation_params=[0.3, 0.4])
    Case("fused convolution, unknown", "FusedConv", [x, w], activation="Mystery", refused="Mystery")
    last = f32(2, 7, 6, 3)
    bias = f32(4)
    Case("channels last", "NhwcConv", [last, w, bias], reference=lambda: channels_last(last, w, bias, [1, 0, 1, 0]), pads=[1, 0, 1, 0])


def quantized():
    x, y = u8(2, 3, 4), u8(3, 1)
    one = [scalar(0.0517), scalar(110, np.uint8)]
    two = [scalar(0.0331), scalar(90, np.uint8)]
    out = [scalar(0.0793), scalar(128, np.uint8)]
    Case("quantized sum", "QLinearAdd", [x, *one, y, *two, *out])
    Case("quantized sum, signed", "QLinearAdd", [i8(4, 5), scalar(0.0517), scalar(5, np.int8), i8(4, 5), scalar(0.02), scalar(-3, np.int8), scalar(0.061), scalar(7, np.int8)])
    Case("quantized product", "QLinearMul", [x, *one, y, *two, *out])
    Case("quantized sigmoid", "QLinearSigmoid", [x, *one, scalar(1 / 256), scalar(0, np.uint8)], constant=(1, 2, 3, 4))
    Case("quantized leaky relu", "QLinearLeakyRelu", [x, *one, *out], alpha=0.3, constant=(1, 2, 3, 4))
    Case("quantized mean of planes", "QLinearGlobalAveragePool", [u8(2, 3, 5, 4), *one, *two])
    Case("quantized mean of planes, channels last", "QLinearGlobalAveragePool", [u8(2, 5, 4, 3), *one, *two], channels_last=1)
    Case("quantized pool", "QLinearAveragePool", [u8(2, 3, 5, 4), *one, *two], kernel_shape=[2, 2], strides=[2, 1], pads=[1, 0, 1, 0])
    Case("quantized pool, pads count", "QLinearAveragePool", [u8(2, 3, 5, 4), *one, *two], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    Case("quantized parts", "QLinearConcat", [*out, x, *one, u8(2, 1, 4), *two], axis=1, constant=(0, 1, 3, 4, 6, 7))
    Case("quantized softmax", "QLinearSoftmax", [u8(3, 9), *one, scalar(1 / 256), scalar(0, np.uint8)], opset=13, axis=-1, constant=(1, 2, 3, 4))
    # Constant parameters: these become integer kernels.
    def channels(n):
        return np.abs(f32(n)) / 50 + np.float32(0.004)
    product, window = [0.03, np.uint8(120)], [0.4, np.uint8(130)]
    def qlinear(name, op, x, w, scale, w_zero, result, *bias, constant=(1, 2, 3, 4, 5, 6, 7, 8), **attributes):
        low = scalar(result[0]), np.array(result[1])
        inputs = [x, scalar(0.02), np.array(100 if x.dtype == np.uint8 else -3, x.dtype), w, scale, w_zero, *low, *bias]
        Case(name, op, inputs, domain="", constant=[i for i in constant if i < len(inputs)], **attributes)
    nothing = scalar(0, np.int8)
    qlinear("product of bytes", "QLinearMatMul", u8(3, 7, 40), i8(40, 50), scalar(0.01), nothing, product)
    qlinear("product of bytes by column", "QLinearMatMul", u8(9, 33), i8(33, 5), channels(5), np.zeros(5, np.int8), product)
    qlinear("product of signed bytes", "QLinearMatMul", i8(9, 33), i8(33, 5), scalar(0.01), nothing, [0.05, np.int8(-7)])
    qlinear("product of bytes around 128", "QLinearMatMul", u8(9, 33), u8(33, 5), scalar(0.01), scalar(128, np.uint8), product)
    qlinear("product of bytes around 100", "QLinearMatMul", u8(9, 33), u8(33, 5), scalar(0.01), scalar(100, np.uint8), product)
    qlinear("product of bytes, computed scale", "QLinearMatMul", u8(9, 33), i8(33, 5), scalar(0.01), nothing, product, constant=(2, 3, 4, 5, 6, 7))
    bias = np.arange(-6, 6, dtype=np.int32) * 500
    qlinear("convolution of bytes", "QLinearConv", u8(2, 5, 9, 8), i8(12, 5, 3, 3), channels(12), np.zeros(12, np.int8), window, bias, pads=[1, 1, 1, 1], strides=[2, 1])
    qlinear("convolution of bytes, one scale", "QLinearConv", u8(1, 5, 9, 8), i8(12, 5, 1, 1), scalar(0.01), nothing, window)
    qlinear("convolution of bytes by groups", "QLinearConv", u8(1, 12, 9, 8), i8(12, 1, 3, 3), channels(12), np.zeros(12, np.int8), window, bias, group=12)
    qlinear("convolution of signed bytes, computed bias", "QLinearConv", i8(1, 5, 9, 8), i8(12, 5, 3, 3), scalar(0.01), nothing, [0.4, np.int8(3)], bias, constant=(1, 2, 3, 4, 5, 6, 7))
    for w, zero in (i8(40, 50), nothing), (u8(40, 50), scalar(128, np.uint8)), (u8(40, 50), scalar(7, np.uint8)):
        Case(f"sums of bytes around {zero}", "MatMulInteger", [u8(3, 7, 40), w, scalar(77, np.uint8), zero], domain="", constant=(1, 2, 3))
    Case("steps of a range", "DynamicQuantizeLinear", [3 * f32(4, 50)], outputs=3, domain="")
    Case("quantize", "QuantizeLinear", [3 * f32(4, 5), *one])
    Case("quantize by axis", "QuantizeLinear", [3 * f32(4, 5), np.abs(f32(4)) + 0.01, i8(4)], axis=0)
    Case("dequantize", "DequantizeLinear", [u8(4, 5), *one])
    Case("dequantize by axis", "DequantizeLinear", [i8(4, 5), f32(5), i8(5)], axis=1)


def classical():
    ml = {"domain": "ai.onnx.ml"}
    x = f32(5, 3)
    Case("scaler", "Scaler", [x], scale=[2.0, 3.0, 0.5], offset=[1.0, -1.0, 0.0], **ml)
    Case("scaler of integers", "Scaler", [u8(5, 3).astype(np.int64)], scale=[2.0], offset=[1.5], **ml)
    for norm in ("MAX", "L1", "L2"):
        Case(f"normalizer {norm}", "Normalizer", [np.concatenate([x, np.zeros((1, 3), np.float32)])], norm=norm, **ml)
    Case("linear regressor", "LinearRegressor", [x], coefficients=[1.0, 2.0, 3.0, -1.0, 0.5, 0.0], intercepts=[0.5, -0.5], targets=2, **ml)
    Case("linear classifier", "LinearClassifier", [x], outputs=2, coefficients=list(map(float, f32(12))), intercepts=[0.1, 0.2, 0.3, 0.4], classlabels_ints=[7, 5, 3, 1], post_transform="SOFTMAX", **ml)
    two = {"coefficients": [1.0, -2.0, 0.5], "intercepts": [0.1], "classlabels_strings": ["no", "yes"]}
    Case("linear classifier of two", "LinearClassifier", [x], outputs=2, post_transform="LOGISTIC", **two, **ml)
    Case("linear classifier of two, bare", "LinearClassifier", [x], outputs=2, refused="post_transform", **two, **ml)
    # Two trees: x0 <= 0 ? leaf : (x1 > 0.5 ? leaf : leaf), and x2 < 0 ? leaf : leaf.
    nodes = {"nodes_treeids": [0, 0, 0, 0, 0, 1, 1, 1], "nodes_nodeids": [0, 1, 2, 3, 4, 0, 1, 2], "nodes_featureids": [0, 0, 1, 0, 0, 2, 0, 0],
             "nodes_modes": ["BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "LEAF"], "nodes_values": [0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0],
             "nodes_truenodeids": [1, 0, 3, 0, 0, 1, 0, 0], "nodes_falsenodeids": [2, 0, 4, 0, 0, 2, 0, 0]}
    leaves = [(0, 1), (0, 3), (0, 4), (1, 1), (1, 2)]

    def votes(kind, targets):
        """Of every leaf for every target: runtimes differ where a target has no vote."""
        each = [(tree, node, target) for tree, node in leaves for target in range(targets)]
        return {f"{kind}_treeids": [e[0] for e in each], f"{kind}_nodeids": [e[1] for e in each], f"{kind}_ids": [e[2] for e in each], f"{kind}_weights": list(map(float, f32(len(each))))}

    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        Case(f"trees, {aggregate}", "TreeEnsembleRegressor", [x], aggregate_function=aggregate, n_targets=2, base_values=[0.5, 0.25], **nodes, **votes("target", 2), **ml)
    Case("trees of doubles", "TreeEnsembleRegressor", [x.astype(np.float64)], n_targets=1, **nodes, **votes("target", 1), **ml)
    Case("tree classes", "TreeEnsembleClassifier", [x], outputs=2, classlabels_strings=["a", "b", "c"], **nodes, **votes("class", 3), **ml)
    Case("tree classes, softmax", "TreeEnsembleClassifier", [x], outputs=2, classlabels_int64s=[3, 4, 9], post_transform="SOFTMAX", **nodes, **votes("class", 3), **ml)
    Case("tree classes of two", "TreeEnsembleClassifier", [x], outputs=2, classlabels_int64s=[3, 4], refused="2 classes", **nodes, **votes("class", 2), **ml)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries")
    parser.add_argument("--only", default="", help="part of the names")
    args = parser.parse_args()
    for family in (activations, normalisations, attention, grouped_queries, rotary, products, convolutions, quantized, classical):
        family()
    mirin = mirin_c.Mirin(args.libraries)
    chosen = [c for c in CASES if args.only in c.name]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            try:
                why = outcome(mirin, case, folder)
            except Exception as e:  # of onnxruntime: the case is wrong
                why = f"{type(e).__name__}: {' '.join(str(e).split())[:300]}"
            if why:
                bad += 1
                print(f"{case.name} ({case.op}): {why}")
    print(f"onnxruntime {onnxruntime.__version__}: {len(chosen)} cases, {bad} bad")
    sys.exit(1 if bad or not chosen else 0)


if __name__ == "__main__":
    main()
