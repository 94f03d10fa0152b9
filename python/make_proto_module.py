"""make_proto_module.py DESCRIPTOR_SET OUT: the Python module of a set of one file."""

import pathlib
import sys


def main():
    descriptor_set, out = sys.argv[1:]
    data = pathlib.Path(descriptor_set).read_bytes()
    # FileDescriptorSet { repeated FileDescriptorProto file = 1; }
    assert data[0] == 0x0A
    size, shift, at = 0, 0, 1
    while True:
        size |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            break
    assert at + size == len(data), "one file without imports"
    pathlib.Path(out).write_text(
        '"""Made from ms_service.proto; the classes work with every protobuf from 3.20 on."""\n\n'
        "from ._build import build as _build\n\n"
        f"globals().update(_build({data[at:]!r}))\n"
    )


if __name__ == "__main__":
    main()
