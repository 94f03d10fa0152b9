"""make_go_module.py DIR MODULE VERSION (PREFIX=FOLDER FILE... --)...: a module proxy's files of one version.

A file below the folder PREFIX lies at the same place below FOLDER in the module, any other one in FOLDER itself.
"""
import datetime
import json
import pathlib
import shutil
import sys
import zipfile

out, module, version = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
files, group = {}, None
for arg in sys.argv[4:]:
    if arg == "--":
        group = None
    elif group is None:
        group = arg.split("=")
    else:
        prefix, folder = group
        path = pathlib.PurePath(arg)
        inside = path.relative_to(prefix) if prefix and path.is_relative_to(prefix) else pathlib.PurePath(path.name)
        files[str(pathlib.PurePath(folder) / inside)] = arg

out.mkdir(parents=True, exist_ok=True)
with zipfile.ZipFile(out / f"{version}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=6) as z:
    for path, source in sorted(files.items()):
        info = zipfile.ZipInfo(f"{module}@{version}/{path}", (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with open(source, "rb") as i:
            z.writestr(info, i.read())
shutil.copy(files["go.mod"], out / f"{version}.mod")
# A fixed time: the same sources make the same module.
time = datetime.datetime(1980, 1, 1).isoformat() + "Z"
(out / f"{version}.info").write_text(json.dumps({"Version": version, "Time": time}))
(out / "list").write_text(version + "\n")
