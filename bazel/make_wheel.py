"""make_wheel.py --out WHEEL --metadata FILE --entry-points FILE FILE=PATH..: a wheel, the same
bytes for the same input.

FILE=PATH puts FILE at PATH; paths in "LICENSES/" go to the wheel's own folder of licences.
"""

import argparse
import base64
import hashlib
import pathlib
import zipfile


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--metadata", required=True, type=pathlib.Path)
    parser.add_argument("--description", required=True, type=pathlib.Path)
    parser.add_argument("--entry-points", required=True, type=pathlib.Path)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()

    name, version, python, abi, platform = args.out.name[: -len(".whl")].split("-")
    info = f"{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    entries = []
    for pair in sorted(args.files, key=lambda p: p.split("=")[1]):
        file, path = pair.split("=")
        if path.startswith("LICENSES/"):
            path = f"{info}/licenses/{path[len('LICENSES/') :]}"
            head += f"License-File: {path.split('/', 2)[2]}\n"
        runs = ".so" in path or "/bin/" in path
        entries.append((path, pathlib.Path(file).read_bytes(), 0o755 if runs else 0o644))
    metadata = head + args.metadata.read_text() + "\n" + args.description.read_text()
    wheel = f"Wheel-Version: 1.0\nGenerator: mirin\nRoot-Is-Purelib: false\nTag: {python}-{abi}-{platform}\n"
    entries += [
        (f"{info}/METADATA", metadata.encode(), 0o644),
        (f"{info}/WHEEL", wheel.encode(), 0o644),
        (f"{info}/entry_points.txt", args.entry_points.read_bytes(), 0o644),
    ]
    record = ""
    with zipfile.ZipFile(args.out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as z:

        def add(path, data, mode):
            item = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            item.external_attr = (0o100000 | mode) << 16
            item.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(item, data)

        for path, data, mode in entries:
            add(path, data, mode)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(data)}\n"
        add(f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode(), 0o644)


if __name__ == "__main__":
    main()
