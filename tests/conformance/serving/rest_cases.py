"""The requests of golden/rest_probe.txt, one for each of its lines, and what is better about our answers where they differ."""

import base64
import json
import re
import struct
from typing import NamedTuple, Optional, Union


class Better(NamedTuple):
    """Our answer where it is not the original's, and why it is better."""

    why: str
    # the exact body, or what all of it matches
    body: Union[str, "re.Pattern[str]"]


class Rest(NamedTuple):
    """A request; status is ours without always_ok."""

    path: str
    body: Optional[bytes]
    status: int = 200
    better: Optional[Better] = None
    method: str = "POST"


ADD = "/model/add:add_common"
X = [[1.0, 2.0], [3.0, 4.0]]
ONE = {"x1": X, "x2": X}
SUM = '{"instances":[{"y":[[102.0,104.0],[106.0,108.0]]}]}'
_ONES = "[[1.0, 1.0], [1.0, 1.0]]"

CASES: "dict[str, Rest]" = {}


def _add(name, path, body, status=200, better=None, method="POST"):
    if isinstance(body, str):
        body = body.encode()
    elif body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    assert name not in CASES
    CASES[name] = Rest(path, body, status, better, method)


def _error(text):
    return json.dumps({"error_msg": text}, separators=(",", ":"), ensure_ascii=False)


def _instances(value):
    return {"instances": value}


def _b64(data):
    return base64.b64encode(data).decode()


def _urls():
    good = _instances(ONE)
    _add("one object", ADD, good)
    _add("list of 1", ADD, _instances([ONE]))
    _add("list of 3", ADD, _instances([ONE] * 3))
    _add("version path", "/model/add/version/2:add_common", good)
    _add("version 0", "/model/add/version/0:add_common", good)
    _add("version missing 7", "/model/add/version/7:add_common", good, 404)
    _add("version 1 not loaded", "/model/add/version/1:add_common", good)
    _add("version abc", "/model/add/version/abc:add_common", good, 400)
    _add("version -1", "/model/add/version/-1:add_common", good, 400)
    _add("version huge", "/model/add/version/99999999999999999999999:add_common", good, 400)
    _add("version 4294967295", "/model/add/version/4294967295:add_common", good, 400)
    _add(
        "version 2x",
        "/model/add/version/2x:add_common",
        good,
        400,
        Better(
            "2x is no number: the original served version 2",
            _error("please check url, the keyword:[version] value invalid, request version number 2x"),
        ),
    )
    _add("unknown servable", "/model/nope:add_common", good, 404)
    _add("unknown method", "/model/add:nope", good, 404)
    _add("no method", "/model/add", good, 404)
    _add("empty method", "/model/add:", good, 404)
    _add("no model key", "/add:add_common", good, 404)
    _add("empty model", "/model/:add_common", good, 404)
    no_model = Better(
        "a path is read segment by segment, not searched for a word",
        _error("please check url, the keyword:[model] must contain."),
    )
    _add("prefix junk", "/x/model/add:add_common", good, 404, no_model)
    _add("models plural", "/models/add:add_common", good, 404)
    _add("v1 prefix tfs", "/v1/models/add:add_common", good, 404)
    _add(
        "query string",
        ADD + "?a=1",
        good,
        200,
        Better("a query is no part of the method's name", SUM),
    )
    only_post = "http message only support POST right now"
    for verb in ("GET", "PUT", "DELETE", "HEAD"):
        _add(verb, ADD, None, 405, method=verb)
    _add(
        "GET root",
        "/",
        None,
        200,
        Better("the status page is there", re.compile(r"(?s)<!doctype html>.*", re.I)),
        method="GET",
    )
    for verb in ("OPTIONS", "PATCH"):
        _add(
            verb,
            ADD,
            None,
            405,
            Better("refused in the dialect's own form instead of HTML", _error(only_post)),
            method=verb,
        )


def _bodies():
    good = json.dumps(_instances(ONE))

    def broken(name, body):
        _add(
            name,
            ADD,
            body,
            400,
            Better(
                "another parser's words for what is wrong and where",
                re.compile(r'\{"error_msg":"Illegal JSON format\.[^"]+"\}'),
            ),
        )

    _add("empty body", ADD, b"", 400)
    broken("bad json", "{'instances': 1}")
    broken("truncated json", '{"instances": {"x1": [[1.0,')
    _add("non utf8", ADD, b'{"instances": {"x1": "\xff\xfe"}}', 400)
    _add("json array top", ADD, [ONE], 400)
    _add("json scalar top", ADD, "5", 400)
    _add("no instances key", ADD, {"instance": [ONE]}, 400)
    _add("extra key", ADD, {"extra": 1, "instances": [ONE]})
    _add("instances null", ADD, _instances(None), 400)
    _add("instances scalar", ADD, _instances(5), 400)
    _add("instances []", ADD, _instances([]), 400)
    _add("instances {}", ADD, _instances({}), 400)
    _add("instances [{}]", ADD, _instances([{}]), 400)
    _add("instances nokey", ADD, _instances([X, X]), 400)
    _add("instances mixed", ADD, _instances([ONE, 1]), 400)
    _add("instances string", ADD, _instances("abc"), 400)
    _add("missing input", ADD, _instances({"x1": X}), 400)
    _add("extra input", ADD, _instances({**ONE, "x3": X}))
    _add("empty input name", ADD, _instances({"": X, **ONE}), 400)
    _add("ints for f32", ADD, _instances({"x1": [[1, 2], [3, 4]], "x2": [[1, 2], [3, 4]]}), 400)
    ones = [[1, 1], [1, 1]]
    _add("ints add_cast", "/model/add:add_cast", _instances({"x1": ones, "x2": ones}))
    _add(
        "mixed int/float",
        ADD,
        '{"instances": {"x1": [[1.0, 1], [1.0, 1.0]], "x2": ' + _ONES + "}}",
        400,
    )
    _add(
        "mixed int first",
        ADD,
        '{"instances": {"x1": [[1, 1.0], [1.0, 1.0]], "x2": ' + _ONES + "}}",
        400,
    )
    _add("wrong shape 3x2", ADD, _instances({"x1": X + [[5.0, 6.0]], "x2": X}), 400)
    flat = [1.0, 2.0, 3.0, 4.0]
    _add("same size other shape [4]", ADD, _instances({"x1": flat, "x2": flat}))
    _add("shape [1,4]", ADD, _instances({"x1": [flat], "x2": [flat]}))
    _add("ragged", ADD, _instances({"x1": [[1.0, 2.0], [3.0]], "x2": X}), 400)
    _add("scalar float", ADD, _instances({"x1": 1.0, "x2": 1.0}), 400)
    _add("null value", ADD, _instances({"x1": None, "x2": X}), 400)
    _add("null in array", ADD, _instances({"x1": [[None, 1.0], [1.0, 1.0]], "x2": X}), 400)
    _add("empty array", ADD, _instances({"x1": [], "x2": X}), 400)
    _add("one bad of two", ADD, _instances([ONE, {"x1": 1.0, "x2": X}]))
    _add("one missing of two", ADD, _instances([ONE, {"x1": X}]), 400)
    broken("nan literal", '{"instances": {"x1": [[NaN, 1.0], [1.0, 1.0]], "x2": ' + _ONES + "}}")
    broken("1e400", '{"instances": {"x1": [[1e400, 1.0], [1.0, 1.0]], "x2": ' + _ONES + "}}")
    _add(
        "1e39",
        ADD,
        '{"instances": {"x1": [[1e39, 1.0], [1.0, 1.0]], "x2": ' + _ONES + "}}",
    )
    _add(
        "dup keys",
        ADD,
        '{"instances": {"x1": [[9.0, 9.0], [9.0, 9.0]], "x1": ' + _ONES + ', "x2": ' + _ONES + "}}",
    )
    broken("trailing junk", good + " junk")


def _base64():
    raw = struct.pack("<4f", 1.0, 2.0, 3.0, 4.0)
    tensor = {"b64": _b64(raw), "type": "fp32", "shape": [2, 2]}
    other = {**tensor, "type": "float32"}

    def with_x1(value):
        return _instances({"x1": value, "x2": tensor})

    _add("b64 fp32 tensor", ADD, _instances({"x1": tensor, "x2": tensor}))
    _add("b64 float32 tensor", ADD, _instances({"x1": other, "x2": other}))
    _add("b64 tensor no shape", ADD, with_x1({"b64": _b64(raw), "type": "float32"}), 400)
    _add("b64 tensor wrong size", ADD, with_x1({**other, "shape": [3, 2]}), 400)
    _add("b64 tensor bad type", ADD, with_x1({**tensor, "type": "float"}), 400)
    _add("b64 type not str", ADD, with_x1({**tensor, "type": 5}), 400)
    _add("b64 shape neg", ADD, with_x1({**tensor, "shape": [-1, 2]}), 400)
    _add("b64 shape not list", ADD, with_x1({**tensor, "shape": 4}), 400)
    _add(
        "b64 bad chars",
        "/model/pyfun:echo",
        _instances({"x": {"b64": "@@@@"}}),
        400,
        Better("it is answered", _error("Parser request failed, '@@@@' is illegal b64 encode string")),
    )
    _add("b64 not mult 4", "/model/pyfun:echo", _instances({"x": {"b64": "abc"}}), 400)
    _add("b64 no b64 key", ADD, with_x1({"type": "fp32", "shape": [2, 2]}), 400)
    _add("b64 extra key", ADD, with_x1({"b64": _b64(raw), "type": "fp32", "foo": 1}), 400)
    _add("b64 4 keys", ADD, with_x1({**tensor, "foo": 1}), 400)
    _add("b64 value not str", ADD, with_x1({**tensor, "b64": 5}), 400)


def _echoes():
    def echo(name, value, status=200, better=None):
        _add("echo " + name, "/model/pyfun:echo", _instances({"x": value}), status, better)

    echo("int", 5)
    echo("neg int", -5)
    echo(
        "big int",
        5000000000,
        better=Better(
            "integers beyond int32 are int64 instead of wrapping",
            '{"instances":[{"y":5000000000}]}',
        ),
    )
    echo("float", 1.5)
    echo("0.1", 0.1)
    echo("bool", True)
    echo("str", "h\u00e9llo")
    echo("empty str", "")
    echo("bytes", {"b64": _b64(b"abc\x00\xff")})
    echo("bytes typed", {"b64": _b64(b"abc"), "type": "bytes"})
    echo("str typed", {"b64": _b64(b"abc"), "type": "str"})
    echo("empty bytes", {"b64": ""})
    echo("[str]", ["abc"])
    echo("[str,str]", ["abc", "def"], 400)
    echo("[b64]", [{"b64": _b64(b"abc")}])
    echo("[b64,b64]", [{"b64": _b64(b"abc")}] * 2, 400)
    echo("[typed tensor]", [{"b64": _b64(bytes(4)), "type": "fp32", "shape": [1]}], 400)
    echo("bool arr", [True, False])
    echo("3d", [[[1, 2]], [[3, 4]]])
    echo("[[]]", [[]], 400)
    _add("ident str", "/model/pyfun:ident", _instances({"x": "abc"}))
    _add("ident bytes", "/model/pyfun:ident", _instances({"x": {"b64": _b64(b"abc")}}))
    _add("ident f", "/model/pyfun:ident", _instances({"x": 2.5}))
    codes = {
        "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
        "fp16": "e", "fp32": "f", "fp64": "d", "float16": "e", "float64": "d",
    }  # fmt: skip
    for name, code in codes.items():
        raw = struct.pack("<2" + code, 1, 2)
        echo("type " + name, {"b64": _b64(raw), "type": name, "shape": [2]})
    echo("type bool", {"b64": _b64(b"\x01\x02"), "type": "bool", "shape": [2]})
    for name, value in {
        "int": 5,
        "float": 1.5,
        "bool": True,
        "str": "s",
        "bytes": {"b64": _b64(b"abc")},
        "arr": [[1, 2], [3, 4]],
    }.items():
        _add("describe " + name, "/model/pyfun:describe", _instances({"x": value}))


def _stages():
    def call(name, method, values, status=200, better=None):
        body = _instances([{"x": v} for v in values])
        _add(name, f"/model/pyfun:{method}", body, status, better)

    call("many", "many", [1])
    call("special", "special", [1])
    call("fail", "fail", [-1], 500)
    call("fail one of 3", "fail", [1, -1, 2])
    call("seen0", "seen0", range(7))
    call(
        "seen5",
        "seen5",
        range(7),
        better=Better(
            "a stage gets as many instances as it asks for, in order: 5 and 2, where the original's window made 3, 3 and 1",
            json.dumps({"instances": [{"n": 5}] * 5 + [{"n": 2}] * 2}, separators=(",", ":")),
        ),
    )
    call(
        "none",
        "none",
        [1],
        500,
        Better(
            "says which output; the worker lives on",
            _error(
                "Call Function 'pyfun.none_fn' Failed, method: 'none', stage index(begin with 1): 1, error msg: "
                "Get illegal value of output 0: values of <class 'NoneType'> are not supported"
            ),
        ),
    )


for _part in (_urls, _bodies, _base64, _echoes, _stages):
    _part()
