"""api_lock.py HEADER_DIR [--update]: the frozen list of C functions.

Reads the declarations of c_api/include/mirin/*.h and writes or checks
  c_api/api.lock      one line per function: since, signature. Lines are only ever appended.
  c_api/exports.lds   the version script with every function by name
for libmirin.so, and the same for libmirin_converter.so and libmirin_serving.so in converter.lock, converter_exports.lds,
serving.lock and serving_exports.lds.
"""
import pathlib
import re
import sys


# The library whose functions a header declares; libmirin.so for the others.
LIBRARY_OF = {"converter.h": "converter", "server.h": "serving"}


def functions(header_dir, library):
    """(since, signature) of every MIRIN_API function of one library, header by header, in order."""
    for header in sorted(pathlib.Path(header_dir).glob("*.h")):
        if LIBRARY_OF.get(header.name, "") != library:
            continue
        text = header.read_text(encoding="utf-8")
        for m in re.finditer(r"/\*((?:(?!\*/).)*)\*/\s*MIRIN_API ([^;]+);", text, re.S):
            since = re.search(r"@since (\d+\.\d+)", m.group(1))
            if since is None:
                raise SystemExit(f"{header.name}: no @since above: {m.group(2)}")
            yield since.group(1), re.sub(r"\s+", " ", m.group(2)).replace("( ", "(").strip()
        declared = len(re.findall(r"^MIRIN_API ", text, re.M))
        documented = len(re.findall(r"\*/\s*MIRIN_API ", text))
        if declared != documented:
            raise SystemExit(f"{header.name}: {declared - documented} functions have no comment")


def name_of(signature):
    return re.search(r"(\w+)\(", signature).group(1)


def exports(found, node):
    nodes = {}
    for since, signature in found:
        nodes.setdefault(since, []).append(name_of(signature))
    out = []
    previous = ""
    for since in sorted(nodes, key=lambda v: tuple(map(int, v.split(".")))):
        body = "".join(f"    {n};\n" for n in sorted(nodes[since]))
        hidden = "" if previous else "  local:\n    *;\n"
        out.append(f"{node}_{since} {{\n  global:\n{body}{hidden}}}{previous};\n")
        previous = f" {node}_{since}"
    return "".join(out)


def update_or_check(header_dir, library, update):
    root = pathlib.Path(header_dir).parent.parent
    lock = root / f"{library or 'api'}.lock"
    lds = root / f"{library + '_' if library else ''}exports.lds"
    node = f"MIRIN_{library.upper()}" if library else "MIRIN"
    found = list(functions(header_dir, library))
    lines = [f"{since} {signature}" for since, signature in found]
    old = lock.read_text(encoding="utf-8").splitlines() if lock.exists() else []
    gone = [line for line in old if line not in lines]
    if gone:
        raise SystemExit("frozen signatures were changed or removed:\n" + "\n".join(gone))
    new = old + [line for line in lines if line not in old]
    if update:
        lock.write_text("\n".join(new) + "\n", encoding="utf-8")
        lds.write_text(exports(found, node), encoding="utf-8")
    elif new != old or lds.read_text(encoding="utf-8") != exports(found, node):
        raise SystemExit(f"{lock.name} or {lds.name} is out of date: run python3 c_api/api_lock.py c_api/include/mirin --update")
    print(f"{lock.name}: {len(new)} functions")


def main():
    for library in ["", *sorted(set(LIBRARY_OF.values()))]:
        update_or_check(sys.argv[1], library, "--update" in sys.argv)


if __name__ == "__main__":
    main()
