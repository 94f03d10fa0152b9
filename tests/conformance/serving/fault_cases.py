"""golden/tls_probe.txt, fault_probe.txt and crash_probe.txt: one function for each of their lines or sections."""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import ssl
import struct

import grpc
import numpy as np
from mindspore_serving import client
from mindspore_serving.proto import ms_service_pb2 as pb

import grpc_cases
import harness
from feature_cases import infer
from grpc_cases import Call, instance, request, texts
from harness import is_alive, wait_for
from rest_cases import Better

# name, the server's port: "tls" or "mutual"
TLS: "dict[str, Call]" = {}
FAULT: "dict[str, Call]" = {}
CRASH: "dict[str, Call]" = {}


def tls_faces(server):
    """What golden/tls_probe.txt asks: both faces, one-way and mutual. Ports by name."""
    pair = {"certificate": harness.tls("server"), "private_key": harness.tls("server_key")}
    ports = {}
    for name, more in (("one-way", {}), ("mutual", {"client_ca": harness.tls("ca")})):
        for face in ("grpc", "http"):
            ports[name, face] = server.listen(face, **pair, **more)
    return ports


def _tls_client(certificate=None, key=None, ca=None, name="pyfun"):
    path = harness.tls_path

    def run(port):
        config = client.SSLConfig(*(p and path(p) for p in (certificate, key, ca)))
        with client.Client(f"localhost:{port}", name, "echo", ssl_config=config) as c:
            return str(c.infer({"x": 1}))

    return run


def _plain_client(port):
    with client.Client(f"localhost:{port}", "pyfun", "echo") as c:
        return str(c.infer({"x": 1}))


def _https(ca=None, certificate=None, verify=True, version=None):
    def run(port):
        context = ssl.create_default_context(cafile=ca and harness.tls_path(ca))
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(harness.tls_path(certificate), harness.tls_path(certificate + "_key"))
        if version is not None:
            # old versions are off at OpenSSL's default security level: the client has to offer them to be refused
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", "/model/pyfun:echo", b'{"instances": {"x": 1}}')
            used = connection.sock.version()
            answer = connection.getresponse()
            return f"{answer.status} {answer.read().decode()} {used}"

    return run


def _http(port):
    with contextlib.closing(http.client.HTTPConnection("localhost", port, timeout=60)) as connection:
        connection.request("POST", "/model/pyfun:echo", b'{"instances": {"x": 1}}')
        answer = connection.getresponse()
        return f"{answer.status} {answer.read().decode()}"


def outcome(run):
    """What `run` returns, or the kind of its error: which words OpenSSL and the kernel have for it is not the server's."""
    try:
        return run()
    except ssl.SSLEOFError:
        return "disconnected"
    except ssl.SSLError as e:
        return _ssl_text(e.reason)
    except (ConnectionError, http.client.HTTPException, TimeoutError) as e:
        return "disconnected" if isinstance(e, ConnectionError) else type(e).__name__
    except (RuntimeError, FileNotFoundError) as e:
        return f"{type(e).__name__}{e.args}"


def _ssl_text(reason):
    # a client may write before it reads this alert, and finds the connection closed then
    return "disconnected" if reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED" else f"SSL {reason}"


def tls_text(golden):
    """A line of the file in the words of `outcome`."""
    if "SSLError" in golden or "SSLCertVerificationError" in golden:
        return _ssl_text(re.search(r"\[SSL: (\w+)\]", golden)[1])
    if golden.startswith(("BrokenPipe", "RemoteDisconnected")):
        return "disconnected"
    if golden.startswith(("RuntimeError", "FileNotFoundError")):
        name, arguments = golden.split("(", 1)
        arguments = eval("(" + arguments.removesuffix(")") + ",)")  # noqa: S307 (of our own file)
        return f"{name}{arguments}"
    return unreachable(golden)


def unreachable(text):
    """Without what newer gRPC libraries add about the last attempt."""
    return re.sub(r"failed to connect to all addresses.*", "failed to connect to all addresses", text)


def _tls():
    for section in ("one-way", "mutual"):

        def add(name, face, run, better=None, section=section):
            TLS[f"{section}: {name}"] = Call(lambda ports: unreachable(outcome(lambda: run(ports[section, face]))), better)

        add("grpc plaintext", "grpc", _plain_client)
        add("grpc ca only", "grpc", _tls_client(ca="ca"))
        add("grpc no ca", "grpc", _tls_client())
        add("grpc client cert", "grpc", _tls_client("client", "client_key", "ca"))
        add("grpc cert w/o key", "grpc", _tls_client("client", None, "ca"))
        add("grpc missing file", "grpc", _tls_client(ca="missing"))
        add("rest plaintext", "http", _http)
        add("rest ca", "http", _https("ca"))
        add("rest no ca", "http", _https())
        add("rest insecure", "http", _https(verify=False))
        add("rest client cert", "http", _https("ca", "client"))
        for version in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"):
            certificate = "client" if section == "mutual" else None
            add("rest " + version, "http", _https("ca", certificate, version=getattr(ssl.TLSVersion, version)))


def fault_text(golden):
    """A section of the file without times and names."""
    out = []
    for line in golden.splitlines():
        line = line.strip()
        if line.startswith("in-flight answered"):
            line = "in-flight: " + unreachable(line.split(": ", 1)[1].replace("pyfun", "S").replace("sleepy", "M"))
        line = re.sub(r" (again )?after [\d.]+ s$", "", line)
        line = re.sub(r"^never ok in 8 s.*", "never ok again", line)
        out.append(line)
    return "; ".join(out)


def _fault(target, number, warm, better):
    """A request is in a worker when `target` gets the signal: what happens to it, to the next one, and to the processes."""
    name = f"{target} {int(number)} {'warm' if warm else 'cold'}"

    def run(_):
        with harness.Server(["life"], grpc={}) as server:
            (worker,) = server.children()
            out = []
            with (
                client.Client(server.grpc_address, "life", "echo") as echo,
                client.Client(server.grpc_address, "life", "blocked") as blocked,
            ):
                if warm:
                    assert echo.infer({"x": 1})[0]["pid"] == worker
                    out.append("ok")
                    gate = str(server.folder / "gate")
                    call = blocked.infer_async({"path": gate})
                    wait_for(lambda: os.path.exists(gate + ".started"), "the request in the worker")
                os.kill(worker if target == "worker" else server.process.pid, number)
                if warm:
                    if number != signal.SIGKILL:
                        pathlib.Path(gate).touch()
                    try:
                        answer = str(call.result())
                    except grpc.RpcError as e:
                        answer = f"{e.code()}"
                    answer = answer.replace(str(worker), "PID").replace("life", "S").replace("blocked", "M")
                    out.append("in-flight: " + answer)
                if target == "master":
                    out.append(f"master gone with {server.process.wait(60)}")
                    wait_for(lambda: not is_alive(worker), "the end of the worker")
                else:
                    # as the original was asked: again and again
                    wait_for(lambda: "error" not in str(echo.infer({"x": 1})), "a good answer")
                    out.append("ok")
                    out.append("master alive" if server.process.poll() is None else "master gone")
            out.append("first worker " + ("alive" if is_alive(worker) else "gone"))
            out.append(f"sockets left: {len(list(server.cwd.iterdir()))}")
            return "; ".join(out)

    FAULT[name] = Call(run, better)


def _faults():
    gone = "{'error': 'Request servable(S) method(M) , servable is not available'}"
    done = "[{'pid': array(PID)}]"
    no_sockets = "no files are left"
    _fault(
        "worker",
        signal.SIGKILL,
        True,
        Better(no_sockets, f"ok; in-flight: {gone}; ok; master alive; first worker gone; sockets left: 0"),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        _fault(
            "worker",
            number,
            True,
            Better(
                "a worker leaves signals to its server, which alone ends it: nothing fails",
                f"ok; in-flight: {done}; ok; master alive; first worker alive; sockets left: 0",
            ),
        )
    _fault(
        "worker",
        signal.SIGKILL,
        False,
        Better(
            "a worker is restarted also before its first answer",
            "ok; master alive; first worker gone; sockets left: 0",
        ),
    )
    _fault(
        "master",
        signal.SIGKILL,
        True,
        Better(
            "the workers end with their server; no files are left",
            re.compile(r"ok; in-flight: .*(unavailable|UNAVAILABLE).*; master gone with -9; first worker gone; sockets left: 0"),
        ),
    )
    _fault(
        "master",
        signal.SIGTERM,
        True,
        Better(
            "what is in progress is answered before the server ends",
            f"ok; in-flight: {done}; master gone with 0; first worker gone; sockets left: 0",
        ),
    )
    _fault(
        "master",
        signal.SIGINT,
        True,
        Better(
            "what is in progress is answered before the server ends",
            f"ok; in-flight: {done}; master gone with 0; first worker gone; sockets left: 0",
        ),
    )


def hostile_requests():
    """The requests of golden/crash_probe.txt, each of which ended the original or was not answered: name, function of the server
    that gives its answer."""

    def rest(path, body):
        def run(server):
            with contextlib.closing(server.connect()) as connection:
                return str(harness.post(connection, path, body))

        return run

    def call(method, value):
        def run(server):
            message = request("pyfun", method, [instance(x=value)] if value is not None else [])
            reply = grpc_cases.predict(server.grpc_address, message)
            return str(([(e.error_code, e.error_msg) for e in reply.error_msg], len(reply.instances)))

        return run

    def by_client(method):
        return lambda server: str(infer(server.grpc_address, "pyfun", method, {"x": 1}))

    deep = pb.Tensor(dtype=pb.MS_INT32, data=struct.pack("<i", 1))
    deep.shape.dims.extend([1] * 40)
    short = pb.Tensor(dtype=pb.MS_UINT8)
    short.shape.dims.extend([1 << 20])
    short.shm_data.memory_key, short.shm_data.bytes_size, short.shm_data.data_size = "short", 1 << 20, 1 << 20
    nested = b'{"instances": [{"x": ' + b"[" * 40 + b"1" + b"]" * 40 + b"}]}"
    return {
        "url_ends_in_version": rest("/model/add/version", b'{"instances": {"x": 1}}'),
        # a text of bytes that are no UTF-8 comes back
        "rest_reply_bad_utf8": rest("/model/pyfun:ident", b'{"instances": [{"x": {"b64": "//4=", "type": "str"}}]}'),
        "grpc_string_bad_utf8": call("echo", texts(pb.MS_STRING, [b"\xff\xfe"], [1])),
        "grpc_rank_40": call("echo", deep),
        "rest_rank_40": rest("/model/pyfun:echo", nested),
        "rest_depth_200000": rest("/model/pyfun:echo", b'{"instances": [{"x": ' + b"[" * 200000 + b"]" * 200000 + b"}]}"),
        "stage_returns_none": by_client("none"),
        "stage_returns_dict": by_client("badtype"),
        "stage_returns_2_of_1": by_client("badcount"),
        "grpc_no_instances": call("echo", None),
        "rest_bad_base64": rest("/model/pyfun:echo", b'{"instances": [{"x": {"b64": "@@@@"}}]}'),
        "grpc_shm_short_file": call("size", short),
    }


def _crashes():
    refused = {
        "url_ends_in_version": r"\(404, .*\[service method\] must contain.*",
        "rest_reply_bad_utf8": r"\(400, .*UTF-8.*",
        "grpc_string_bad_utf8": r"\(\[\(2, .*UTF-8.*",
        "grpc_rank_40": r"\(\[\(2, .*rank.*",
        "rest_rank_40": r"\(400, .*(rank|deep|depth|nest).*",
        "rest_depth_200000": r"\(400, .*(rank|deep|depth|nest).*",
        "stage_returns_none": r".*values of <class 'NoneType'> are not supported.*",
        "stage_returns_dict": r".*values of <class 'dict'> are not supported.*",
        "stage_returns_2_of_1": r".*The outputs number 2 of one instance.*",
        "grpc_no_instances": r".*Instances count of request cannot be 0.*",
        "rest_bad_base64": r"\(400, .*is illegal b64 encode string.*",
        "grpc_shm_short_file": r"\(\[\(2, .*shared memory.*",
    }
    for name, send in hostile_requests().items():

        def run(server, send=send):
            before = server.children()
            answer = outcome(lambda: send(server))
            after = infer(server.grpc_address, "pyfun", "echo", {"x": np.int32(5)})
            assert server.children() == before, "a worker was lost"
            return f"answer {answer} | next: {'ok' if after[0]['y'] == 5 else after} | server process: alive"

        better = Better(
            "answered with the reason, and nothing dies",
            re.compile("answer " + refused[name] + r" \| next: ok \| server process: alive", re.S),
        )
        CRASH[name] = Call(run, better)


for _part in (_tls, _faults, _crashes):
    _part()
