"""onnx_graphs.py LIBRARY_FOLDER [--only SUBSTRING]

Small ONNX graphs that the package's node tests do not have: sequences, optionals and loops inside a graph, computed operands, open
dims. Results are compared with NumPy; what has to be refused must name its reason.
"""
import argparse
import json
import os
import sys
import tempfile

import numpy as np
import onnx.parser

import mirin_c

CASES = []


def case(name, graph, inputs, expect=None, refused="", opset=17):
    """`expect` has the outputs; `refused` is part of the converter's reason."""
    CASES.append((name, f'<ir_version: 8, opset_import: ["" : {opset}]>\n{graph}', inputs, expect, refused))


def ramp(*shape):
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def int64(*values):
    return np.array(values, np.int64)


def sequences():
    x, t = ramp(2, 4), ramp(2, 4) ** 2
    case("a sequence is built, changed and joined", """g (float[N,4] x) => (float[M,4] y, int64 n, float[A,B] last) {
        first = Constant<value_int=0>()
        second = Constant<value_int=1>()
        minus = Constant<value_int=-1>()
        t = Mul(x, x)
        a = SequenceConstruct(x, x)
        b = SequenceInsert(a, t)
        c = SequenceInsert(b, t, first)
        n = SequenceLength(c)
        d = SequenceErase(c, second)
        y = ConcatFromSequence<axis=0>(d)
        last = SequenceAt(d, minus)
    }""", [x], [np.concatenate([t, x, t]), np.int64(4), t])
    case("a computed position among members of one type", """g (float[2,4] x, int64 i) => (float[A,B] y, float[C,D,E] all) {
        t = Mul(x, x)
        s = SequenceConstruct(x, t, x)
        y = SequenceAt(s, i)
        all = ConcatFromSequence<axis=-1, new_axis=1>(s)
    }""", [x, np.int64(1)], [t, np.stack([x, t, x], axis=-1)])
    case("a computed position among members of several types", """g (float[2,4] x, int64 i) => (float[A,B] y) {
        t = Concat<axis=0>(x, x)
        s = SequenceConstruct(x, t)
        y = SequenceAt(s, i)
    }""", [x, np.int64(1)], refused="the position in the sequence is computed at run time")
    case("parts of a tensor", """g (float[2,5] x, int64[2] k) => (float[2,2] a, float[2,1] b, float[2] c, float[2,A] d) {
        two = Constant<value_int=2>()
        first = Constant<value_int=0>()
        minus = Constant<value_int=-1>()
        s = SplitToSequence<axis=1>(x, two)
        a = SequenceAt(s, first)
        b = SequenceAt(s, minus)
        u = SplitToSequence<axis=1, keepdims=0>(x)
        c = SequenceAt(u, minus)
        v = SplitToSequence<axis=-1>(x, k)
        d = SequenceAt(v, minus)
    }""", [ramp(2, 5), int64(2, 3)], [ramp(2, 5)[:, :2], ramp(2, 5)[:, 4:], ramp(2, 5)[:, 4], ramp(2, 5)[:, 2:]])
    case("a body member by member", """g (float[2,4] x) => (float[A,B] y) {
        t = Mul(x, x)
        s = SequenceConstruct(x, t)
        r = SequenceMap(s, x) <body = b (float[2,4] a, float[2,4] c) => (float[2,4] o) { o = Add(a, c) }>
        y = ConcatFromSequence<axis=0>(r)
    }""", [x], [np.concatenate([x + x, t + x])])
    case("a loop that collects a sequence", """g (float[2,4] x) => (float[A,B] y) {
        n = Constant<value_int=3>()
        go = Constant<value = bool {1}>()
        e = SequenceEmpty<dtype=1>()
        s = Loop(n, go, e) <body = b (int64 i, bool ci, seq(float[A,B]) have) => (bool co, seq(float[A,B]) more) {
            co = Identity(ci)
            f = Cast<to=1>(i)
            t = Mul(x, f)
            more = SequenceInsert(have, t)
        }>
        y = ConcatFromSequence<axis=1>(s)
    }""", [x], [np.concatenate([x * i for i in range(3)], axis=1)])
    case("a loop that collects a sequence of unknown length", """g (float[2,4] x, int64 n) => (float[A,B] y) {
        go = Constant<value = bool {1}>()
        e = SequenceEmpty<dtype=1>()
        s = Loop(n, go, e) <body = b (int64 i, bool ci, seq(float[A,B]) have) => (bool co, seq(float[A,B]) more) {
            co = Identity(ci)
            more = SequenceInsert(have, x)
        }>
        y = ConcatFromSequence<axis=1>(s)
    }""", [x, np.int64(2)], refused="the number of turns of a loop that carries a sequence is computed at run time")
    for condition in (True, False):
        case(f"sequences of one length in both branches: {condition}", """g (float[2,4] x, bool c) => (float[A,B] y) {
            s = If(c) <then_branch = t () => (seq(float[2,4]) a) { a = SequenceConstruct(x, x) },
                       else_branch = e () => (seq(float[2,4]) b) { q = Mul(x, x)
                                                                   b = SequenceConstruct(q, x) }>
            y = ConcatFromSequence<axis=0>(s)
        }""", [x, np.array(condition)], [np.concatenate([x if condition else t, x])])
    case("optionals", """g (float[2,4] x) => (float[2,4] y, bool full, bool empty) {
        o = Optional(x)
        y = OptionalGetElement(o)
        full = OptionalHasElement(o)
        n = Optional()
        empty = OptionalHasElement(n)
    }""", [x], [x, np.array(True), np.array(False)], opset=18)


def scan(steps, start, x, w):
    """The state, its history backwards, and products along axis 1."""
    states, products = [], []
    for i in range(steps):
        start = (start + x[i]) / 2 - w[:, steps - 1 - i]
        states.insert(0, start)
        products.append(start * w[:, steps - 1 - i])
    return [start, np.stack(states), np.stack(products, axis=1)]


def scans():
    for steps in (3, 70):  # turn by turn, and as a loop
        inputs = [ramp(2), ramp(steps, 2) / 100, ramp(2, steps) / 100]
        for n in ("N", str(steps)):
            case(f"axes and directions of {steps} steps of {n}", f"""g (float[2] s0, float[{n},2] x, float[2,{n}] w) => (float[2] s, float[{n},2] y, float[2,{n}] z) {{
                s, y, z = Scan<num_scan_inputs=2, scan_input_axes=[0,-1], scan_input_directions=[0,1], scan_output_axes=[0,1], scan_output_directions=[1,0],
                    body = b (float[2] st, float[2] a, float[2] c) => (float[2] so, float[2] o1, float[2] o2) {{
                        half = Constant<value = float {{0.5}}>()
                        t = Add(st, a)
                        u = Mul(t, half)
                        so = Sub(u, c)
                        o1 = Identity(so)
                        o2 = Mul(so, c)
                    }}>(s0, x, w)
            }}""", inputs, scan(steps, *inputs))
    case("a scan in a scan, which reads both scopes", """g (float[N,2] x, float k) => (float[N,2,2] y) {
        y = Scan<num_scan_inputs=1, body = b (float[2] a) => (float[2,2] o) {
            o = Scan<num_scan_inputs=1, body = c (float e) => (float[2] q) { p = Mul(e, a)
                                                                            q = Mul(p, k) }>(a)
        }>(x)
    }""", [ramp(5, 2), np.float32(3)], [3 * ramp(5, 2)[:, :, None] * ramp(5, 2)[:, None, :]])
    x, lengths = ramp(3, 3, 2), int64(2, 3, 1)
    sums = np.stack([np.stack([x[b, 2::-1][max(0, 3 - lengths[b]):][:t + 1].sum(0) if t < lengths[b] else np.zeros(2) for t in range(3)]) for b in range(3)])
    case("batches of opset 8, backwards, of several lengths", """g (int64[3] l, float[3,2] s0, float[3,3,2] x) => (float[3,2] s, float[3,3,2] y) {
        s, y = Scan<num_scan_inputs=1, directions=[1], body = b (float[2] st, float[2] a) => (float[2] so, float[2] o) { so = Add(st, a)
                                                                                                                       o = Identity(so) }>(l, s0, x)
    }""", [lengths, np.zeros((3, 2), np.float32), x],
         [np.stack([sums[b, lengths[b] - 1] for b in range(3)]).astype(np.float32), sums.astype(np.float32)], opset=8)


def computed():
    x = ramp(2, 3, 4)
    case("bounds that are computed", """g (float[A,3,4] x, int64[2] b, int64[2] e, int64[2] s) => (float[P,Q,R] y) {
        axes = Constant<value_ints=[2,0]>()
        y = Slice(x, b, e, axes, s)
    }""", [x, int64(3, 0), int64(-100, 1), int64(-2, 1)], [x[0:1, :, ::-2]])
    case("axes that are computed", """g (float[2,3,4] x, int64[1] a) => (float[P,Q,R] y) {
        b = Constant<value_ints=[1]>()
        e = Constant<value_ints=[9223372036854775807]>()
        y = Slice(x, b, e, a)
    }""", [x, int64(-1)], [x[:, :, 1:]])
    for mode in ("constant", "reflect", "edge", "wrap"):
        case(f"pads and axes that are computed: {mode}", f"""g (float[A,3,4] x, int64[4] p, int64[2] a) => (float[P,Q,R] y) {{
            y = Pad<mode="{mode}">(x, p, "", a)
        }}""", [x, int64(1, -1, 2, 1), int64(-1, 1)], [np.pad(x[:, 1:], ((0, 0), (0, 1), (1, 2)), mode=mode)], opset=19)
    case("a reshape that keeps dims", """g (float[B,S,8] x) => (float[P,2,Q,4] y) {
        s = Shape(x)
        first = Constant<value_int=0>()
        second = Constant<value_int=1>()
        b = Gather<axis=0>(s, first)
        l = Gather<axis=0>(s, second)
        zero = Constant<value_ints=[0]>()
        bu = Unsqueeze(b, zero)
        lu = Unsqueeze(l, zero)
        rest = Constant<value_ints=[2,4]>()
        to = Concat<axis=0>(bu, lu, rest)
        r = Reshape(x, to)
        y = Transpose<perm=[0,2,1,3]>(r)
    }""", [ramp(2, 3, 8)], [ramp(2, 3, 8).reshape(2, 3, 2, 4).transpose(0, 2, 1, 3)])
    case("an expand in both directions", """g (float[A,1] x, int64[3] s) => (float[P,Q,R] y) { y = Expand(x, s) }""",
         [ramp(3, 1), int64(2, 1, 4)], [np.broadcast_to(ramp(3, 1), (2, 3, 4))])
    case("an expand that does not fit", """g (float[4,2] x, int64[2] s) => (float[P,Q] y) {
        three = Constant<value_ints=[3,2]>()
        y = Expand(x, three)
    }""", [ramp(4, 2), int64(3, 2)], refused="cannot broadcast")
    case("axes of size 1 in and out", """g (float[A,1,4] x, int64[1] out, int64[2] into) => (float[P,Q] y, float[P,Q,R,S,T] z) {
        y = Squeeze(x, out)
        z = Unsqueeze(x, into)
    }""", [ramp(2, 1, 4), int64(-2), int64(-1, 1)], [ramp(2, 4), ramp(2, 1, 1, 4, 1)])
    case("parts of computed and of uneven sizes", """g (float[7,N] x, int64[2] k) => (float[P,N] a, float[Q,N] b, float[3,N] c, float[3,N] d, float[1,N] e) {
        a, b = Split<axis=0>(x, k)
        c, d, e = Split<axis=0, num_outputs=3>(x)
    }""", [ramp(7, 2), int64(3, 4)], [ramp(7, 2)[:3], ramp(7, 2)[3:], ramp(7, 2)[:3], ramp(7, 2)[3:6], ramp(7, 2)[6:]], opset=18)
    case("gathering by batch, of open sizes", """g (float[A,B,4] x, int64[A,C,1] i) => (float[P,Q,R] y) { y = GatherND<batch_dims=1>(x, i) }""",
         [x, int64(2, 0, 1, 1).reshape(2, 2, 1)], [np.stack([x[0][[2, 0]], x[1][[1, 1]]])])
    case("a triangle that is computed", """g (float[A,B] x, int64 k) => (float[A,B] y, float[A,B] z) {
        y = Trilu<upper=0>(x, k)
        z = Trilu(x, k)
    }""", [ramp(3, 4), np.int64(-1)], [np.tril(ramp(3, 4), -1), np.triu(ramp(3, 4), -1)])
    case("texts of computed texts", """g (string[2] x) => (string[2,2] parts, int64[2] n, bool[2] match) {
        both = StringConcat(x, x)
        parts, n = StringSplit<delimiter="-">(both)
        match = RegexFullMatch<pattern="a-a-?">(both)
    }""", [np.array(["a-", "b"], dtype=object)],
         [np.array([["a", "a", ""], ["bb", "", ""]], dtype=object), int64(3, 1), np.array([True, False])], opset=20)


def differs(got, want):
    want = np.asarray(want)
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
    same = got.tolist() == want.tolist() if want.dtype == object else np.allclose(got, want, rtol=1e-5, atol=1e-6)
    return None if same else f"{got.tolist()} instead of {want.tolist()}"


def outcome(mirin, folder, text, inputs, expect, refused):
    """Why the case fails, or None."""
    path = os.path.join(folder, "model.onnx")
    with open(path, "wb") as f:
        f.write(onnx.parser.parse_model(text).SerializeToString())
    try:
        model = mirin.convert(fmk="ONNX", modelFile=path)
    except mirin_c.MirinError as e:
        reasons = "; ".join(f["reason"] for f in json.loads(e.report)["findings"] if f["severity"] == "error")
        return None if refused and refused in reasons else f"refused: {reasons}"
    if refused:
        return "it was not refused"
    try:
        got = mirin.run(model, inputs)
    except mirin_c.MirinError as e:
        return f"error: {e}"
    if len(got) != len(expect):
        return f"{len(got)} outputs instead of {len(expect)}"
    return next((f"output {i}: {why}" for i, why in enumerate(map(differs, got, expect)) if why), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    for add in (sequences, scans, computed):
        add()
    mirin, failed = mirin_c.Mirin(args.libraries), 0
    with tempfile.TemporaryDirectory() as folder:
        for name, text, inputs, expect, refused in CASES:
            if args.only not in name:
                continue
            why = outcome(mirin, folder, text, inputs, expect, refused)
            failed += why is not None
            print(f"{name}: {why or 'ok'}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
