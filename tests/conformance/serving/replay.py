"""replay.py TABLE [--update]: every case of the original's transcripts (golden/) against our server.

An answer must be the original's, or exactly the better one that stands beside the case; both are checked. TABLE is the list of the
cases; with --update it is written, else it must say what was found.
"""

import argparse
import difflib
import pathlib
import re
import sys
import traceback

import numpy as np

import fault_cases
import feature_cases
import grpc_cases
import harness
import rest_cases

_GOLDEN = harness.HERE / "golden"


class Row:
    """A line of the table."""

    def __init__(self, name, golden, better, status=""):
        self.name, self.golden, self.better, self.status = name, golden, better, status
        self.problems = []

    def check(self, answer, same):
        """The answer is the original's (`same`), or the better one and not the original's."""
        if self.better is None:
            if not same:
                self.problems.append(f"is\n    {answer!r}\n  and not the original's\n    {self.golden!r}")
            return
        wanted = self.better.body
        found = answer == wanted if isinstance(wanted, str) else wanted.fullmatch(answer) is not None
        if same:
            self.problems.append("is the original's answer, so that none is better")
        elif not found:
            self.problems.append(f"is\n    {answer!r}\n  and not the better\n    {wanted if isinstance(wanted, str) else wanted.pattern!r}")

    @property
    def verdict(self):
        return "same" if self.better is None else f"better: {self.better.why}"


def golden_lines(file, names):
    """name -> text behind it. Lines that begin with no name belong to the line before them, or to the first one."""
    found, current, lead = {}, None, ""
    by_length = sorted(names, key=len, reverse=True)
    for line in (_GOLDEN / file).read_text().split("\n"):
        name = next((n for n in by_length if line.startswith(n + " ")), None)
        if name is None or name in found:
            if current is None:
                lead += line + "\n"
            else:
                found[current] += "\n" + line
            continue
        current = name
        found[name] = line[len(name) :].strip(" ")
    if lead.strip():
        raise AssertionError(f"{file} begins with {lead!r}")
    return {name: text.rstrip("\n") for name, text in found.items()}


def checked(rows, file, cases, golden):
    """One row per case; the two must hold the same names."""
    if set(cases) != set(golden):
        raise AssertionError(f"{file}: cases and lines differ: {set(cases) ^ set(golden)}")
    for name in golden:
        rows[file, name] = Row(name.strip(" :"), golden[name], cases[name].better)
    return golden


def run_case(row, run, text=str, same=None):
    try:
        answer = text(run())
    except Exception:
        row.problems.append(traceback.format_exc())
        return
    row.check(answer, same(answer) if same else answer == row.golden)


_DTYPES = {name: np.dtype(name) for name in ("float16", "float32", "float64", "int8", "int16", "int32", "uint8")}


def values(text):
    """Python values that were printed; arrays as comparable tuples."""

    def array(data, dtype=None, shape=None):
        out = np.array(data, dtype)
        return ("array", out.dtype.name, shape or out.shape, out.tolist())

    return eval(text, {"array": array, **_DTYPES})  # noqa: S307 (our own files, and answers to them)


def same_values(golden):
    def same(answer):
        try:
            return values(answer) == values(golden)
        except (SyntaxError, NameError, TypeError):
            return answer == golden

    return same


# REST


def _rest_golden(text):
    """Status and body."""
    if text.startswith("EXC"):
        return None, text
    match = re.match(r"(\d{3}) (?:Client|Not Implemented) +\S+ ?(.*)", text, re.S)
    return int(match[1]), match[2]


def rest(rows):
    file = "rest_probe"
    golden = checked(rows, file, rest_cases.CASES, golden_lines(file + ".txt", rest_cases.CASES))
    servables = [{"name": "add", "version": 1}, "add", "pyfun"]
    with harness.Server(servables, http={}) as ours, harness.Server(servables, {"always_ok": "true"}, http={}) as as_original:
        for name, case in rest_cases.CASES.items():
            row = rows[file, name]
            status, row.golden = _rest_golden(golden[name])
            row.status = str(case.status)
            for server, wanted in ((ours, case.status), (as_original, 200)):
                run_case(row, lambda s=server, w=wanted, c=case: _rest_answer(s, c, w))


def _rest_answer(server, case, wanted):
    connection = server.connect()
    connection.request(case.method, case.path, case.body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read().decode()
    kind = answer.getheader("Content-Type", "")
    connection.close()
    if answer.status != wanted:
        raise AssertionError(f"status {answer.status} and not {wanted}: {body}")
    if body.startswith("{") and not kind.startswith("application/json"):
        raise AssertionError(f"JSON came as {kind}")
    return body


# gRPC


def _same_reply(golden):
    """Items of a map come in any order; what was cut off was not seen."""
    item = re.compile(r"'\w+': \('\w+', \[[\d, ]*\], (?:'\w*'|\[[^\]]*\])\)")

    def same(answer):
        cut = "out=[" in golden and not golden.endswith("]")
        if not cut or "}, {" in golden:
            return answer == golden or (cut and answer.startswith(golden))
        head = golden[: golden.index("out=")]
        return answer.startswith(head) and set(item.findall(golden)) <= set(item.findall(answer))

    return same


def grpc(rows, server):
    file = "grpc_probe"
    cases = grpc_cases.CASES
    golden = golden_lines(file + ".txt", cases)
    # three lines that were printed before the answer
    lines = golden["infer [5]"].split("\n")
    golden["infer [5]"] = lines[0]
    golden["dead port:"] = "\n".join(lines[1:] + [golden["dead port:"]])
    checked(rows, file, cases, golden)
    for name, case in cases.items():
        row = rows[file, name]
        same = _same_reply(row.golden)
        if name == "unknown rpc":
            same = lambda answer: answer.startswith("StatusCode.UNIMPLEMENTED")  # noqa: E731
        elif name == "many via client":
            same = same_values(row.golden)
        run_case(row, lambda c=case: c.run(server.grpc_address), same=same)


# the others


def features(rows, server):
    file = "features_probe"
    cases = feature_cases.FEATURES
    checked(rows, file, cases, golden_lines(file + ".txt", cases))
    for name, case in cases.items():
        row = rows[file, name]
        processes = re.search(r"\{\d.*\}", row.golden)
        if processes:
            counts = sorted(eval(processes[0]).values())  # noqa: S307
            row.golden = f"by process {counts}"
        run_case(row, lambda c=case: c.run(server), same=same_values(row.golden))


def limits(rows):
    file = "limits_probe"
    cases = feature_cases.LIMITS
    golden = checked(rows, file, cases, golden_lines(file + ".txt", cases))
    size = {"max_message_bytes": 1 << 20}
    with harness.Server(["pyfun"], grpc=size, http=size) as server:
        for name, case in cases.items():
            row, same = rows[file, name], None
            if name.startswith(("rest chunked", "garbage", "http1.0")):
                row.golden = feature_cases.raw_text(eval(golden[name]))  # noqa: S307
            elif name == "keepalive":
                row.golden = re.sub(r"b'(\S+ \d+)[^']*'", r"\1", golden[name])
            elif name.startswith("enqueued"):
                row.golden = feature_cases.limit_text(eval(golden[name].rpartition(" ")[0]))  # noqa: S307
            if name.startswith("grpc"):
                same = same_values(row.golden)
            run_case(row, lambda c=case: c.run(server), same=same)


def abuse(rows):
    file = "abuse_probe"
    cases = feature_cases.ABUSE
    checked(rows, file, cases, golden_lines(file + ".txt", cases))
    with harness.Server([{"name": "add", "version": 1}], {"max_queue": 4}, grpc={}) as server:
        server.shm = feature_cases.SharedMemory()
        try:
            for name, case in cases.items():
                row = rows[file, name]
                row.golden = row.golden.removeprefix("now ")
                run_case(row, lambda c=case: c.run(server))
        finally:
            server.shm.close()


def _sections(file):
    """What stands behind each line "== name"."""
    parts = re.split(r"^== (.*)\n", (_GOLDEN / file).read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def tls(rows):
    file = "tls_probe"
    cases = fault_cases.TLS
    golden = {}
    for section, text in _sections(file + ".txt").items():
        for line in text.splitlines():
            name = next(n for n in sorted(cases, key=len, reverse=True) if f"{section}: {line} ".startswith(n + " "))
            golden[name] = fault_cases.tls_text(line[len(name) - len(section) - 1 :])
    checked(rows, file, cases, golden)
    with harness.Server(["pyfun"]) as server:
        ports = fault_cases.tls_faces(server)
        for name, case in cases.items():
            run_case(rows[file, name], lambda c=case: c.run(ports))


def faults(rows):
    file = "fault_probe"
    cases = fault_cases.FAULT
    golden = {name: fault_cases.fault_text(text) for name, text in _sections(file + ".txt").items()}
    checked(rows, file, cases, golden)
    for name, case in cases.items():
        run_case(rows[file, name], lambda c=case: c.run(None))


def crashes(rows, server):
    file = "crash_probe"
    cases = fault_cases.CRASH
    checked(rows, file, cases, golden_lines(file + ".txt", cases))
    for name, case in cases.items():
        run_case(rows[file, name], lambda c=case: c.run(server))


PARTS = ("rest", "grpc", "features", "limits", "abuse", "tls", "fault", "crash")


def run_all(parts):
    rows = {}
    if {"grpc", "features", "crash"} & parts:
        servables = [{"name": "add", "version": 1}, "add", {"name": "pyfun", "workers": 3}, "add_sub", "bs", "nb"]
        with harness.Server(servables, grpc={}, http={}) as server:
            for name, function in (("features", features), ("grpc", grpc), ("crash", crashes)):
                if name in parts:
                    function(rows, server)
    for name, function in (("rest", rest), ("limits", limits), ("abuse", abuse), ("tls", tls), ("fault", faults)):
        if name in parts:
            function(rows)
    return rows


_HEAD = """# MindSpore Serving's answers and ours

Every case of the transcripts in `serving/golden/`, replayed by `//tests/conformance/serving:replay_test`. `same` is the original's answer;
`better` differs from it for the reason that follows, which stands beside the case in `serving/*_cases.py`. Written by

    ./bazelw run //tests/conformance/serving:replay -- $PWD/tests/conformance/serving.md --update

The original answered every REST request with status 200 and the words "200 Client". Ours answers with the status in the table, and with 200 when
the server's option `always_ok` is set; the bodies are the same, and both are replayed. Times, process ids, the order of a map's items and other
libraries' words for a connection that failed are not compared.
"""


def table(rows):
    out = [_HEAD]
    for part in PARTS:
        file = part + "_probe"
        chosen = [row for (f, _), row in rows.items() if f == file]
        same = sum(row.better is None for row in chosen)
        status = any(row.status for row in chosen)
        out.append(f"## {file}: {len(chosen)} cases, {same} same, {len(chosen) - same} better\n")
        out.append("| case | status | answer |\n|---|---|---|" if status else "| case | answer |\n|---|---|")
        for row in chosen:
            cells = [row.name, row.status, row.verdict] if status else [row.name, row.verdict]
            out.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
        out.append("")
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    arguments = parser.parse_args()
    parts = set(arguments.only.split(","))
    rows = run_all(parts)
    bad = {key: row for key, row in rows.items() if row.problems}
    for (file, name), row in bad.items():
        for problem in row.problems:
            print(f"{file}: {name}: {problem}")
    print(f"{len(rows)} cases, {len(bad)} are neither the original's nor the better answer")
    if bad:
        return 1
    if parts != set(PARTS):
        return 0
    text = table(rows)
    if arguments.update:
        arguments.table.write_text(text)
    elif (old := arguments.table.read_text()) != text:
        sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), text.splitlines(True), "table", "found"))
        print("run it with --update")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
