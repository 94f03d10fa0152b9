"""Mirin's server beside MindSpore Serving's: same servable directory, same machine, interleaved runs. "Python client" is that of each package.

./bazelw run -c opt //tests/benchmark/serving -- --python PYTHON [--original PYTHON] [--seconds 3] [--rounds 7] [--json FILE]

--python: an interpreter with Mirin's mindspore_serving wheel. --original: one with MindSpore Serving's; its column stays empty without
it. wrk and h2load send the small requests where they are installed; `mirin load` does everything else. Nothing here asserts times.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import clients

TICK = os.sysconf("SC_CLK_TCK")
ADD = "x1:FP32:2,2;x2:FP32:2,2"


@dataclasses.dataclass(frozen=True)
class Case:
    """One row."""

    name: str
    protocol: str
    method: str
    shape: str
    concurrency: int = 1
    instances: int = 1
    rate: int = 0  # requests a second, both servers alike; 0: as many as there are answers
    small: bool = False  # tensor_add of one instance, which the foreign generators can send
    python: bool = False  # the client of the server's own package


CASES = [
    *(Case(f"grpc add, {c}", "ms-grpc", "add", ADD, c, small=True) for c in (1, 8, 32)),
    *(Case(f"rest add, {c}", "ms-http", "add", ADD, c, small=True) for c in (1, 8, 32)),
    Case("grpc add, 1500 a second", "ms-grpc", "add", ADD, 16, rate=1500),
    Case("rest add, 1500 a second", "ms-http", "add", ADD, 16, rate=1500),
    Case("grpc add, 16 instances", "ms-grpc", "add", ADD, instances=16),
    Case("grpc add, 64 instances", "ms-grpc", "add", ADD, instances=64),
    Case("grpc echo in Python", "ms-grpc", "echo", "x:FP32:1"),
    Case("grpc echo 1 MiB", "ms-grpc", "echo", "x:UINT8:1048576"),
    Case("grpc echo 16 MiB", "ms-grpc", "echo", "x:UINT8:16777216"),
    Case("grpc echo 1 MiB, Python client", "ms-grpc", "echo", "uint8:1048576", python=True),
    Case("grpc echo 16 MiB, Python client", "ms-grpc", "echo", "uint8:16777216", python=True),
    Case("grpc 50 x Model.call", "ms-grpc", "calls", ADD),
    Case("rest echo 64k floats", "ms-http", "echo", "x:FP32:256,256"),
]


def process_tree(root):
    """Ids of a process and all that it started."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_seconds(root):
    """User and system time of a process tree, of its ended and awaited children too."""
    ticks = 0
    for pid in process_tree(root):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICK


def memory_mb(root):
    """Proportional set size: shared pages count once."""
    kilobytes = 0
    for pid in process_tree(root):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024


def free_address():
    """An address that nobody uses now; the original refuses port 0."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


class Server:
    """A server process and where it listens."""

    def __init__(self, name, python, command, folder, grpc=None, http=None):
        self.name, self.python, self.addresses = name, python, {"grpc": grpc, "http": http}
        begin = time.monotonic()
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word in self.addresses:
                self.addresses[word] = rest
            if word == "serving":
                break
        else:
            raise RuntimeError(f"{name} did not start: it exited with {self.process.wait()}")
        self.start_seconds = time.monotonic() - begin

    def stop(self):
        """Ends it and waits."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def measure(server, case, tools, seconds, folder):
    """One run of one case: a dict of figures."""
    address = server.addresses["grpc" if case.protocol.endswith("grpc") else "http"]
    foreign = {"ms-grpc": "h2load", "ms-http": "wrk"}[case.protocol]
    before = cpu_seconds(server.process.pid)
    if case.python:
        foreign = "the package's"
        requests, took, p50, p99 = clients.own(server.python, address, case, seconds)
    elif case.small and tools.get(foreign):
        client = clients.h2load if foreign == "h2load" else clients.wrk
        requests, took, p50, p99 = client(tools[foreign], address, case, seconds, folder)
    else:
        foreign = "mirin load"
        requests, took, p50, p99 = clients.mirin_load(tools["load"], address, case, seconds)
    cpu = cpu_seconds(server.process.pid) - before
    return {"client": foreign, "rate": requests / took, "p50_us": p50, "p99_us": p99, "cpu_us": cpu * 1e6 / requests}


def idle(server, seconds):
    """CPU, in percent of one, and memory of a server that nobody asks."""
    before, begin = cpu_seconds(server.process.pid), time.monotonic()
    time.sleep(seconds)
    used = cpu_seconds(server.process.pid) - before
    return {"cpu_percent": used * 100 / (time.monotonic() - begin), "memory_mb": memory_mb(server.process.pid)}


def medians(runs):
    """The median of each figure."""
    return {key: value if isinstance(value, str) else statistics.median(run[key] for run in runs) for key, value in runs[0].items()}


def table(results):
    """Markdown: ours, the original's, and how many times better ours is."""
    columns = (("rate", "req/s", False), ("p50_us", "p50 us", True), ("p99_us", "p99 us", True), ("cpu_us", "CPU us/req", True))
    lines = ["| case | client | " + " | ".join(f"{label}: mirin / original / better by" for _, label, _ in columns) + " |",
             "|---|---|" + "---|" * len(columns)]
    for name, servers in results["cases"].items():
        ours, theirs, cells = servers.get("mirin", {}), servers.get("original", {}), []
        for key, _, smaller_is_better in columns:
            better, (a, b) = "-", (ours.get(key), theirs.get(key))
            if a and b:
                better = f"{b / a if smaller_is_better else a / b:.1f}"
            cells.append(" / ".join(["-" if figure is None else f"{figure:.0f}" for figure in (a, b)] + [better]))
        lines.append(f"| {name} | {(ours or theirs).get('client', '-')} | " + " | ".join(cells) + " |")
    for name, figures in results["servers"].items():
        lines.append(f"\n{name}: start {figures['start_seconds']:.2f} s, idle {figures['cpu_percent']:.2f} % of a CPU, "
                     f"{figures['memory_mb']:.0f} MB")
    return "\n".join(lines)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", required=True, help="mirin-serve")
    parser.add_argument("--load", required=True, help="mirin-load")
    parser.add_argument("--model", required=True, help="tensor_add.mindir")
    parser.add_argument("--servables", required=True, help="bench/servable_config.py")
    parser.add_argument("--python", default="python3")
    parser.add_argument("--original", help="interpreter with MindSpore Serving")
    parser.add_argument("--seconds", type=int, default=3, help="of a run")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--own-client", action="store_true", help="mirin load instead of wrk and h2load")
    parser.add_argument("--json", help="file for all figures")
    return parser.parse_args()


def main():
    """Starts the servers, measures, prints; 1 when a run had a failed request."""
    options = arguments()
    tools = {"load": os.path.abspath(options.load)}
    if not options.own_client:
        tools.update({name: shutil.which(name) for name in ("wrk", "h2load")})
    home = os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        bench = pathlib.Path(folder, "servables", "bench")
        (bench / "1").mkdir(parents=True)
        shutil.copy(options.servables, bench)
        shutil.copy(options.model, bench / "1" / "tensor_add.mindir")
        servers = [Server("mirin", options.python, [os.path.abspath(options.serve), str(bench.parent), "--name=bench", "--grpc=127.0.0.1:0", "--workers=1",
                                    "--http=127.0.0.1:0", "--max-message-mb=200", f"--python={options.python}"], folder)]
        running.callback(servers[0].stop)
        if options.original:
            grpc, http = free_address(), free_address()
            script = pathlib.Path(__file__).resolve().with_name("original.py")
            servers.append(Server("original", options.original, [options.original, str(script), str(bench.parent), grpc, http], folder, grpc, http))
            running.callback(servers[1].stop)
        runs, failed = {}, False
        for number in range(options.rounds):
            for case in CASES:
                for server in servers if options.only in case.name else []:
                    print(f"round {number + 1}/{options.rounds}: {case.name}, {server.name}", file=sys.stderr, flush=True)
                    of_case = runs.setdefault(case.name, {})
                    try:
                        run = measure(server, case, tools, options.seconds, folder)
                        of_case.setdefault(server.name, []).append(run)
                    except RuntimeError as error:
                        failed = True
                        print(f"  failed: {error}", file=sys.stderr)
        results = {
            "cases": {name: {server: medians(of) for server, of in by_server.items()} for name, by_server in runs.items()},
            "servers": {s.name: {"start_seconds": s.start_seconds, **idle(s, 3 * options.seconds)} for s in servers},
            "runs": runs,
        }
    print(table(results))
    if options.json:
        pathlib.Path(home, options.json).write_text(json.dumps(results, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
