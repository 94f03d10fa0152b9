"""make_jar.py [--checksums] OUT HOW FILE...: a jar, the same bytes for the same input.

HOW: "dir/" puts the files there; "prefix=" strips everything up to the prefix from their paths; "+" merges jars.
--checksums: a file SHA256SUMS beside the files, as sha256sum writes it.
"""
import hashlib
import sys
import zipfile

arguments = sys.argv[1:]
checksums = arguments[0] == "--checksums"
out, how, files = arguments[checksums], arguments[checksums + 1], arguments[checksums + 2 :]
entries = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n\r\n"}


def add(name, data):
    assert name not in entries, name
    entries[name] = data


for path in files:
    if how == "+":
        with zipfile.ZipFile(path) as z:
            for name in z.namelist():
                if not name.endswith("/") and name != "META-INF/MANIFEST.MF":
                    add(name, z.read(name))
        continue
    with open(path, "rb") as f:
        data = f.read()
    if how.endswith("="):
        add(path[path.index(how[:-1] + "/") + len(how) :], data)
    else:
        add(how + path.rsplit("/", 1)[-1], data)
if checksums:
    sums = sorted((n.rsplit("/", 1)[-1], hashlib.sha256(d).hexdigest()) for n, d in entries.items() if n.startswith(how))
    add(how + "SHA256SUMS", "".join(f"{h}  {n}\n" for n, h in sums).encode())
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as z:
    for name, data in entries.items():
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o100644 << 16
        z.writestr(info, data)
