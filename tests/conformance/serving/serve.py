"""serve.py LIBRARY_FOLDER: a server through the C API, ruled by lines of JSON on stdin.

{"do": "set" | "add" | "remove" | "grpc" | "http" | "status" | "metrics" | "stop", ...}; each is answered by one line, {"ok": value} or
{"error": [code, text]}. It ends with "stop", with the end of stdin, or on SIGTERM and SIGINT after a drain.
"""

import ctypes
import json
import pathlib
import signal
import sys

_U64, _SIZE, _TEXT = ctypes.c_uint64, ctypes.c_size_t, ctypes.c_char_p


class ServableOptions(ctypes.Structure):
    """mirin_servable_options."""

    _fields_ = [
        ("struct_size", _SIZE),
        ("directory", _TEXT),
        ("name", _TEXT),
        ("version", _U64),
        ("device_ids", ctypes.POINTER(ctypes.c_int32)),
        ("num_device_ids", _SIZE),
        ("device_type", _TEXT),
        ("workers", ctypes.c_int32),
        ("key", _TEXT),
        ("key_size", _SIZE),
        ("cipher", ctypes.c_int),
    ]


class ListenOptions(ctypes.Structure):
    """mirin_listen_options."""

    _fields_ = [
        ("struct_size", _SIZE),
        ("address", _TEXT),
        ("max_message_bytes", _U64),
        ("certificate", _TEXT),
        ("private_key", _TEXT),
        ("client_ca", _TEXT),
    ]


class Refused(Exception):
    """A status: code and text."""


def _text(value):
    return value if value is None else str(value).encode()


class Library:
    """libmirin_serving.so with one server."""

    def __init__(self, folder):
        self._mirin = ctypes.CDLL(str(pathlib.Path(folder) / "libmirin.so.1"), mode=ctypes.RTLD_GLOBAL)
        self._lib = ctypes.CDLL(str(pathlib.Path(folder) / "libmirin_serving.so.1"))
        self._mirin.mirin_status_message.restype = _TEXT
        for name in ("create", "set", "add", "remove", "listen_grpc", "listen_http"):
            getattr(self._lib, "mirin_server_" + name).restype = ctypes.c_void_p
        for name in ("status", "metrics"):
            getattr(self._lib, "mirin_server_" + name).restype = _TEXT
        self._server = ctypes.c_void_p()
        self._check(self._lib.mirin_server_create(ctypes.byref(self._server)))

    def _check(self, status):
        if not status:
            return
        status = ctypes.c_void_p(status)
        reason = self._mirin.mirin_status_code(status), self._mirin.mirin_status_message(status).decode()
        self._mirin.mirin_status_destroy(status)
        raise Refused(*reason)

    def set(self, name, value):
        self._check(self._lib.mirin_server_set(self._server, _text(name), _text(value)))

    def add(self, servables):
        array, keep = (ServableOptions * len(servables))(), []
        for out, given in zip(array, servables):
            ids = given.get("device_ids") or []
            keep.append((ctypes.c_int32 * max(1, len(ids)))(*ids))
            key = bytes.fromhex(given.get("key", ""))
            out.struct_size = ctypes.sizeof(ServableOptions)
            out.directory, out.name = _text(given["directory"]), _text(given["name"])
            out.version = given.get("version", 0)
            out.device_ids, out.num_device_ids = (keep[-1] if ids else None), len(ids)
            out.device_type = _text(given.get("device_type"))
            out.workers = given.get("workers", 0)
            out.key, out.key_size, out.cipher = key or None, len(key), given.get("cipher", 0)
        self._check(self._lib.mirin_server_add(self._server, array, _SIZE(len(servables))))

    def remove(self, name, version=0):
        self._check(self._lib.mirin_server_remove(self._server, _text(name), _U64(version)))

    def listen(self, face, address, max_message_bytes=100 << 20, certificate=None, private_key=None, client_ca=None):
        options = ListenOptions(
            ctypes.sizeof(ListenOptions), _text(address), max_message_bytes, _text(certificate), _text(private_key), _text(client_ca)
        )
        port = ctypes.c_int32()
        self._check(getattr(self._lib, "mirin_server_listen_" + face)(self._server, ctypes.byref(options), ctypes.byref(port)))
        return port.value

    def status(self):
        return json.loads(self._lib.mirin_server_status(self._server))

    def metrics(self):
        return self._lib.mirin_server_metrics(self._server).decode()

    def stop(self, seconds):
        self._lib.mirin_server_stop(self._server, ctypes.c_int64(int(seconds * 1e6)))
        self._lib.mirin_server_destroy(self._server)


class Terminated(Exception):
    """By a signal."""


def _terminate(number, frame):
    raise Terminated


def main(folder):
    library = Library(folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminate)
    drain = 0.0
    try:
        for line in sys.stdin:
            given = json.loads(line)
            do = given.pop("do")
            if do == "stop":
                drain = given.get("seconds", 0)
                break
            try:
                if do in ("grpc", "http"):
                    answer = {"ok": library.listen(do, **given)}
                else:
                    answer = {"ok": getattr(library, do)(**given)}
            except Refused as e:
                answer = {"error": e.args}
            print(json.dumps(answer), flush=True)
    except Terminated:
        drain = 30.0
    library.stop(drain)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
