"""manifest_to_text.py manifest.json: one model a line, fields separated by tabs, for tests in C and C++."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as f:
    for m in json.load(f):
        print("\t".join(str(v) for v in (m["name"], m["files"][0], m["npz"], m["tol"], m["rtol"], m["key"] or "", m["mode"] or "")))
