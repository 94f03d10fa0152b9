"""The calls of golden/grpc_probe.txt, one for each of its lines, and what is better about our answers where they differ.

Messages are printed in the form of that file.
"""

import contextlib
import io
import re
from typing import Callable, NamedTuple, Optional

import grpc
import numpy as np
from mindspore_serving import client
from mindspore_serving.proto import ms_service_pb2 as pb

from rest_cases import Better

PREDICT = "/mindspore.serving.proto.MSService/Predict"
_TYPES = {
    "bool": pb.MS_BOOL, "int8": pb.MS_INT8, "uint8": pb.MS_UINT8, "int16": pb.MS_INT16, "uint16": pb.MS_UINT16, "int32": pb.MS_INT32,
    "uint32": pb.MS_UINT32, "int64": pb.MS_INT64, "uint64": pb.MS_UINT64, "float16": pb.MS_FLOAT16, "float32": pb.MS_FLOAT32,
    "float64": pb.MS_FLOAT64,
}  # fmt: skip


class Call(NamedTuple):
    """`run` takes the server's address and gives the line without its name."""

    run: Callable[[str], str]
    better: Optional[Better] = None


CASES: "dict[str, Call]" = {}


def tensor(array):
    array = np.asarray(array)
    out = pb.Tensor(dtype=_TYPES[array.dtype.name], data=array.tobytes())
    out.shape.dims.extend(array.shape)
    return out


def texts(dtype, values, shape):
    out = pb.Tensor(dtype=dtype, bytes_val=values)
    out.shape.dims.extend(shape)
    return out


def instance(**items):
    out = pb.Instance()
    for name, value in items.items():
        out.items[name].CopyFrom(value if isinstance(value, pb.Tensor) else tensor(value))
    return out


def request(servable, method, instances, version=0):
    out = pb.PredictRequest(instances=instances)
    out.servable_spec.name, out.servable_spec.method_name = servable, method
    out.servable_spec.version_number = version
    return out


def predict(address, message, timeout=60, metadata=None):
    """The reply; raises grpc.RpcError."""
    with grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = channel.unary_unary(PREDICT, pb.PredictRequest.SerializeToString, pb.PredictReply.FromString)
        return call(message, timeout=timeout, metadata=metadata)


def _tensor_text(value):
    if value.bytes_val:
        data = [v[:20] for v in value.bytes_val]
    else:
        data = value.data.hex() if value.data else []
    return pb.DataType.Name(value.dtype), list(value.shape.dims), data


def reply_text(reply):
    spec = reply.servable_spec
    errors = " | ".join(f"{e.error_code}:{e.error_msg.decode()}" for e in reply.error_msg)
    out = [{name: _tensor_text(item) for name, item in i.items.items()} for i in reply.instances]
    return f"spec=({spec.name},{spec.method_name},{spec.version_number}) nerr={len(reply.error_msg)} ninst={len(reply.instances)} err[{errors}] out={out}"


def rpc_text(error):
    return f"RPC {error.code()} {error.details()}"


def call_text(address, message, timeout=60):
    try:
        return reply_text(predict(address, message, timeout))
    except grpc.RpcError as e:
        return rpc_text(e)


def _predict(name, servable, method, instances, version=0, better=None, timeout=60):
    message = request(servable, method, instances, version)
    assert name not in CASES
    CASES[name] = Call(lambda address: call_text(address, message, timeout), better)


X = np.array([[1, 2], [3, 4]], np.float32)


def _add_cases():
    one = instance(x1=X, x2=X)

    def add(name, instances, better=None, method="add_common", servable="add", version=0):
        _predict(name, servable, method, instances, version, better)

    add("good", [one])
    add("good x3", [one] * 3)
    add("version 2", [one], version=2)
    add("version 9", [one], version=9)
    add("unknown servable", [one], servable="nope")
    add("unknown method", [one], method="nope")
    add("empty spec", [one], servable="", method="")
    add(
        "no instances",
        [],
        Better(
            "it is answered, at once",
            "spec=(add,add_common,0) nerr=1 ninst=0 err[2:Instances count of request cannot be 0] out=[]",
        ),
    )
    add("missing input", [instance(x1=X)])
    add("extra input", [instance(x1=X, x2=X, x3=X)])
    add("wrong dtype f64", [instance(x1=X.astype(np.float64), x2=X.astype(np.float64))])
    add("wrong dtype i32 same size", [instance(x1=X.astype(np.int32), x2=X.astype(np.int32))])
    wide = np.ones((3, 2), np.float32)
    add("wrong shape 3x2", [instance(x1=wide, x2=wide)])
    add("shape [4]", [instance(x1=X.reshape(4), x2=X.reshape(4))])

    def changed(name, **fields):
        bad = tensor(X)
        for field, value in fields.items():
            if field == "dims":
                del bad.shape.dims[:]
                bad.shape.dims.extend(value)
            else:
                setattr(bad, field, value)
        add(name, [instance(x1=bad, x2=X)])

    changed("data short", data=bytes(8))
    changed("data missing", data=b"")
    changed("negative dim", dims=[-2, -2])
    changed("dtype unknown", dtype=pb.MS_UNKNOWN)
    changed("dtype 99", dtype=99)
    add(
        "@call hidden method",
        [instance(x0=X, x1=X)],
        Better(
            "methods of the inside cannot be called from outside",
            "spec=(add,@call_tensor_add.mindir_0,0) nerr=1 ninst=0 "
            "err[2:Request servable(add) method(@call_tensor_add.mindir_0) , method is not available] out=[]",
        ),
        method="@call_tensor_add.mindir_0",
    )


def _echo_cases():
    def pyfun(name, method, values, better=None, timeout=60):
        _predict(name, "pyfun", method, [instance(x=v) for v in values], 0, better, timeout)

    def echo(name, value):
        pyfun(name, "echo", [value])

    echo("string 2 vals", texts(pb.MS_STRING, [b"a", b"b"], [2]))
    echo("string shape [2] 1 val", texts(pb.MS_STRING, [b"a"], [2]))
    echo("string ok", texts(pb.MS_STRING, [b"a"], [1]))
    echo("string no shape", texts(pb.MS_STRING, [b"a"], []))
    echo("bytes ok", texts(pb.MS_BYTES, [b"a\0b"], [1]))
    echo("bytes empty", texts(pb.MS_BYTES, [b""], [1]))
    pyfun("ident bytes", "ident", [texts(pb.MS_BYTES, [b"a\0b"], [1])])
    pyfun("describe bytes", "describe", [texts(pb.MS_BYTES, [b"a\0b"], [1])])
    for name in _TYPES:
        echo("echo " + name, np.array([0, 1], name))
    echo("echo 0-d", np.array(3, np.int32))
    echo("echo shape [0]", np.zeros(0, np.float32))
    echo("echo shape [2,0]", np.zeros((2, 0), np.float32))
    echo("echo shape [0,2]", np.zeros((0, 2), np.float32))
    pyfun("many", "many", [np.int32(1)])
    pyfun("fail", "fail", [np.int32(-1)])
    pyfun("fail 1 of 3", "fail", [np.int32(v) for v in (1, -1, 2)])
    pyfun("seen0 x7", "seen0", [np.int32(1)] * 7)
    counts = [{"n": ("MS_INT64", [], f"{n:02x}" + "00" * 7)} for n in (5,) * 10 + (2,) * 2]
    pyfun(
        "seen5 x12",
        "seen5",
        [np.int32(1)] * 12,
        Better(
            "a stage gets as many instances as it asks for: 5, 5 and 2",
            f"spec=(pyfun,seen5,0) nerr=0 ninst=12 err[] out={counts}",
        ),
    )
    pyfun("sleep 1.5 deadline .3", "sleepy", [np.float32(1.5)], timeout=0.3)


def _bare_calls():
    def bare(name, path, body=b"", better=None, stream=False):
        def run(address):
            with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
                try:
                    if stream:
                        return f"{len(list(channel.stream_stream(path)(iter([body]), timeout=60)))} answers"
                    return "OK " + channel.unary_unary(path)(body, timeout=60).hex()
                except grpc.RpcError as e:
                    return f"{e.code()} {e.details()}"

        CASES[name] = Call(run, better)

    bare(
        "unknown rpc",
        "/mindspore.serving.proto.MSService/Nothing",
    )
    # field 1 is SERVING
    bare("health", "/grpc.health.v1.Health/Check", b"", Better("the health service is there", "OK 0801"))
    # list_services
    bare(
        "reflection",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        b"\x3a\x01*",
        Better("reflection is there", "1 answers"),
        stream=True,
    )
    bare("garbage", PREDICT, b"\xff\xff\xff")


def _described(value):
    def run(address):
        with client.Client(address, "pyfun", "describe") as c:
            return str(c.infer({"x": value}))

    return run


def _raised(run):
    try:
        run()
    except Exception as e:  # what is asked is which
        return e
    raise AssertionError("nothing was raised")


def _client_cases():
    values = {
        "bool": True, "int": 1, "float": 1.5, "str": "s", "bytes": b"\0", "float32": np.float32(1), "int64": np.int64(1),
        "ndarray": np.zeros((2, 1)),
    }  # fmt: skip
    for name, value in values.items():
        CASES["client " + name] = Call(_described(value))

    def bad(value):
        def run(address):
            return f"EXC {_raised(lambda: _described(value)(address))!r}"

        CASES[f"client bad {value!r}"] = Call(run)

    for value in (None, [1, 2], {"a": 1}, np.array(["a"]), np.array([1 + 2j])):
        bad(value)

    def ctor(*args):
        CASES[f"ctor {args!r}"] = Call(lambda address: repr(_raised(lambda: client.Client(*args))))

    for args in (
        (1, "a", "b"),
        ("", "a", "b"),
        ("x", "", "b"),
        ("x", "a", ""),
        ("x", "a", "b", -1),
        ("x", "a", "b", "1"),
    ):
        ctor(*args)

    def not_a_map(address):
        with client.Client(address, "pyfun", "echo") as c:
            return repr(_raised(lambda: c.infer([5])))

    CASES["infer [5]"] = Call(not_a_map)
    # The three lines that the original printed stand in the file before the answer.
    details = r"failed to connect to all addresses.*"

    def dead(address):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), client.Client("127.0.0.1:1", "pyfun", "echo") as c:
            answer = c.infer({"x": 1})
        return printed.getvalue() + str(answer)

    CASES["dead port:"] = Call(
        dead,
        Better(
            "nothing is printed, and the text says which address and why",
            re.compile(r"\{'error': [\"']Grpc Error, \(14, 'unavailable'\), " + details + r"[\"']\}"),
        ),
    )

    def dead_async(address):
        with client.Client("127.0.0.1:1", "pyfun", "echo") as c:
            e = _raised(lambda: c.infer_async({"x": 1}).result())
        return f"EXC {type(e)} {e.code()}"

    CASES["dead async"] = Call(dead_async)

    def many(address):
        with client.Client(address, "pyfun", "many") as c:
            return str(c.infer({"x": 1}))

    CASES["many via client"] = Call(many)


for _part in (_add_cases, _echo_cases, _bare_calls, _client_cases):
    _part()
