#!/usr/bin/env python3
"""run.py [latency|load|throughput|dynamic|check ...]: Mirin beside ONNX Runtime, OpenVINO and MindSpore Lite on the same networks and machine.

One command makes what is missing (about 5 minutes and 5 GB in --lab): virtual environments with the peers, networks from models/*.recipe.onnx.z,
conversions, workers; then it checks every engine's outputs and measures. Engines run in processes of their own, pinned, and take turns while the
others sleep, so that other work on the machine hits all alike. A table's ms is the median over all calls; `ratio` is the median over rounds of
engine / best peer of the same round: below 1 is faster than every peer. Not part of the test suite.

  run.py                                          check and latency of all networks, one thread
  run.py latency --networks minilm_b1 --threads 1,2 --json rows.json
  run.py latency --engine before='/path/to/another/mirin_worker'     a row before and after a change
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import dynamic
import lab

OWN = "mirin"
CACHED = "mirin_cached"
PEAK_GFLOP = 0.8  # of a call of peak_worker, per thread
TOLERANCE = 1e-3  # of the spread; what an engine may differ from the reference and still be timed
BYTES_TOLERANCE = 5e-2  # the same for networks of bytes: a sum that rounds to the byte beside moves all that follows (peers: up to 2.5e-2)
# They change how libraries choose kernels and threads.
DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "MKL_NUM_THREADS",
           "MIRIN_ISA")


class Failed(Exception):
    pass


class Worker:
    def __init__(self, name, command, log, timeout):
        self.name, self.timeout, self.late = name, timeout, False
        environment = {k: v for k, v in os.environ.items() if k not in DROPPED}
        while "=" in command[0] and not command[0].startswith("/"):  # VAR=value command ...
            key, value = command[0].split("=", 1)
            environment[key], command = value, command[1:]
        self.log = open(log, "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True, bufsize=1)
        self.hello = self._read()

    def _read(self):
        watchdog = threading.Timer(self.timeout, self._give_up)  # MindSpore Lite 2.0 hangs for good on some networks
        watchdog.daemon = True
        watchdog.start()
        try:
            for line in self.process.stdout:
                word, _, rest = line.rstrip("\n").partition(" ")
                if word == "@err":
                    raise Failed(rest)
                if word.startswith("@"):
                    return dict(pair.split("=", 1) for pair in rest.split() if "=" in pair)
            raise Failed(f"no answer in {self.timeout:.0f} s" if self.late else f"the worker ended ({self.process.wait()}), see {self.log.name}")
        finally:
            watchdog.cancel()

    def _give_up(self):
        self.late = True
        self.process.kill()

    def ask(self, command, **values):
        try:
            self.process.stdin.write(" ".join([command, *(f"{k}={v}" for k, v in values.items())]) + "\n")
        except BrokenPipeError:
            raise Failed("the worker ended") from None
        return self._read()

    def run(self, samples, batch=1, clock="wall"):
        return [float(x) for x in self.ask("run", iters=samples, batch=batch, clock=clock)["us"].split(",")]

    def close(self):
        try:
            self.process.stdin.write("quit\n")
            self.process.stdin.close()
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.log.close()


class Bench:
    def __init__(self, arguments, place, engines):
        self.a, self.place, self.engines = arguments, place, engines
        self.own = {OWN} | {e.partition("=")[0] for e in arguments.engine} | {"peak"}

    def networks(self):
        made = [(file.parent, json.loads(file.read_text())) for file in self.place.networks.glob("*/info.json")]
        for folder, info in sorted(made, key=lambda m: (m[1]["gflop"], m[0].name)):
            if not self.a.networks or folder.name in self.a.networks:
                yield folder, info

    def start(self, engine, folder, threads, callers=0, cpus=None, inputs="in"):
        worker = Worker(engine, self.engines[engine], self.place.folder / "logs" / f"{engine}.log", self.a.timeout)
        file = "lite.mindir" if engine == "mindspore_lite" else "model.onnx" if engine in ("onnxruntime", "openvino") else "model.mindir"
        cpus = cpus or (self.a.cpus[:threads] if threads > 1 else self.a.cpus[-1:])
        try:
            worker.load_ms = float(worker.ask("load", model=folder / file, inputs=folder / inputs, threads=threads, cpus=",".join(map(str, cpus)),
                                              callers=callers)["load_ms"])
        except Failed:
            worker.close()
            raise
        return worker

    def each(self, folder, threads, make):
        """make(engine) for every engine that can; says which cannot."""
        made = {}
        for engine in self.engines:
            try:
                made[engine] = make(engine)
            except Failed as e:
                print(f"  {folder.name}, {threads} threads: {engine}: {e}", flush=True)
        return made

    def row(self, **values):
        if self.a.json:
            with open(self.a.json, "a") as f:
                f.write(json.dumps(values) + "\n")

    # Turns of all workers, the order rotating: the microseconds of each call by engine and round.
    def rounds(self, workers):
        calls, result, names = {}, {name: [] for name in workers}, list(workers)
        for name, worker in workers.items():
            begin = time.time()
            fastest = min(worker.run(2))
            while time.time() - begin < 0.2:
                fastest = min(fastest, *worker.run(max(1, min(1000, int(50e3 / fastest)))))
            batch = max(1, int(100 / fastest))  # a look at the clock costs up to a microsecond
            calls[name] = max(1, min(2000, int(self.a.turn_ms * 1e3 / fastest / batch))), batch
        for i in range(self.a.rounds):
            for name in names[i % len(names):] + names[:i % len(names)]:
                result[name].append(workers[name].run(*calls[name], self.a.clock))
        return result

    def latency(self):
        print("median ms (min), ratio of medians and of minima to the best peer, part of the measured peak")
        for threads in self.a.threads:
            for folder, info in self.networks():
                def make(engine):
                    worker = self.start(engine, folder, threads)
                    worker.run(1)
                    return worker
                workers = self.each(folder, threads, make)
                times = self.rounds(workers)
                for worker in workers.values():
                    worker.close()
                peers = [e for e in times if e not in self.own]
                best = [min(statistics.median(times[p][i]) for p in peers) for i in range(self.a.rounds)] if peers else [float("nan")] * self.a.rounds
                lowest_peer = min((min(map(min, times[p])) for p in peers), default=float("nan"))
                cells = {}
                for engine, rounds in times.items():
                    cells[engine] = {"ms": statistics.median(x for r in rounds for x in r) / 1e3, "min": min(map(min, rounds)) / 1e3,
                                     "ratio": statistics.median(statistics.median(r) / b for r, b in zip(rounds, best)),
                                     "min_ratio": min(map(min, rounds)) / lowest_peer}
                peak = threads * PEAK_GFLOP / cells.pop("peak")["min"] if "peak" in cells else float("nan")
                for cell in cells.values():
                    cell["of_peak"] = info["gflop"] / cell["min"] / peak
                print(f"{folder.name:16} t{threads} " + " | ".join(
                    f"{e} {c['ms']:.4g} ({c['min']:.4g}) x{c['ratio']:.2f} (x{c['min_ratio']:.2f}) {c['of_peak']:.0%}" for e, c in cells.items()), flush=True)
                self.row(kind="latency", network=folder.name, threads=threads, gflop=info["gflop"], engines=cells, load=os.getloadavg()[0])

    def load(self):
        print(f"from the start of the process to the first result: CPU ms, wall ms, peak MB; medians of {self.a.rounds} processes each")
        threads = self.a.threads[-1]
        with tempfile.TemporaryDirectory() as cache:  # mirin_cached finds what an earlier process packed
            self.engines = {**self.engines, CACHED: [*self.engines[OWN], f"--cache={cache}"]} if OWN in self.engines else self.engines
            for folder, info in self.networks():
                samples = {e: [] for e in self.engines if e != "peak"}
                for turn in range(-1, self.a.rounds):
                    for engine in list(samples) if turn >= 0 else [e for e in samples if e == CACHED]:
                        try:
                            sample = self.first_result(engine, folder, threads)
                            if turn >= 0:
                                samples[engine].append(sample)
                        except Failed as e:
                            print(f"  {folder.name}: {engine}: {e}", flush=True)
                            del samples[engine]
                keys = ("first_ms", "wall_ms", "peak_mb", "before_mb")
                cells = {e: dict(zip(keys, map(statistics.median, zip(*s)))) for e, s in samples.items()}
                print(f"{folder.name:16} t{threads} {info['bytes'] / 1e6:.0f} MB: " + " | ".join(
                    f"{e} {c['first_ms']:.1f} ({c['wall_ms']:.1f}) ms {c['peak_mb']:.0f} MB" for e, c in cells.items()), flush=True)
                self.row(kind="load", network=folder.name, threads=threads, engines=cells)

    def first_result(self, engine, folder, threads):
        begin = time.time()
        worker = self.start(engine, folder, threads)
        worker.run(1)
        wall_ms = (time.time() - begin) * 1e3
        first_ms = float(worker.ask("stat")["cpu_s"]) * 1e3
        worker.run(3)
        stat = worker.ask("stat")
        worker.close()
        return first_ms, wall_ms, int(stat["hwm_kb"]) / 1024, int(worker.hello["base_rss_kb"]) / 1024

    def throughput(self):
        modes = {"1x1": (1, 1, self.a.cpus[-1:]), "2x1": (2, 1, self.a.cpus[:2]), "1x2": (1, 2, self.a.cpus[:2])}
        print("calls/s of callers x threads")
        for folder, _ in self.networks():
            workers = {}
            for name, (callers, threads, cpus) in modes.items():
                made = self.each(folder, threads, lambda e: self.start(e, folder, threads, callers=callers, cpus=cpus))
                workers.update({(e, name): w for e, w in made.items() if e != "peak"})
            samples = {key: [] for key in workers}
            for _ in range(self.a.rounds):
                for key, worker in workers.items():
                    answer = worker.ask("throughput", secs=0.5)
                    samples[key].append((int(answer["count"]) / float(answer["secs"]), float(answer["p99_us"])))
            for worker in workers.values():
                worker.close()
            cells = {f"{e} {m}": dict(zip(("per_s", "p99_us"), map(statistics.median, zip(*s)))) for (e, m), s in samples.items()}
            print(f"{folder.name:16} " + " | ".join(f"{k} {c['per_s']:.1f}" for k, c in cells.items()), flush=True)
            self.row(kind="throughput", network=folder.name, engines=cells)

    def dynamic(self):
        print(f"{dynamic.RECIPE} with open lengths: ms of a first and of a steady pass over {len(dynamic.LENGTHS)} lengths; planning of a length, longest and sum")
        folder = self.place.folder / "dynamic" / dynamic.RECIPE
        if not (folder / "model.mindir").exists():
            dynamic.make(lab.HERE / f"models/{dynamic.RECIPE}.recipe.onnx.z", folder, self.place.convert)
        for threads in self.a.threads:
            samples = {e: [] for e in self.engines if e not in ("peak", "mindspore_lite")}
            for _ in range(self.a.rounds):
                for engine, rows in samples.items():
                    worker = self.start(engine, folder, threads, inputs=f"in_{dynamic.LENGTHS[-1]}")
                    rows.append(dynamic.measure(worker, folder, 5, self.a.clock))
                    worker.close()
            cells = {}
            for engine, rows in samples.items():
                first, steady, plans = zip(*rows)
                cells[engine] = {"first_ms": statistics.median(first), "steady_ms": statistics.median(steady),
                                 "plan_ms": statistics.median(map(max, plans)), "plans_ms": statistics.median(map(sum, plans))}
            print(f"{folder.name:16} t{threads} " + " | ".join(
                f"{e} {c['first_ms']:.4g} {c['steady_ms']:.4g}" + (f" ({c['plan_ms']:.2f}, {c['plans_ms']:.2f})" if c["plan_ms"] else "")
                for e, c in cells.items()), flush=True)
            self.row(kind="dynamic", network=folder.name, threads=threads, engines=cells)

    def check(self):
        print("largest difference of an output to the reference, in parts of its spread")
        good = True
        for folder, info in self.networks():
            tolerance = BYTES_TOLERANCE if info.get("quantised") else TOLERANCE

            def make(engine):
                worker = self.start(engine, folder, 1)
                with tempfile.TemporaryDirectory() as outputs:
                    worker.ask("outputs", dir=outputs)
                    worker.close()
                    return lab.difference(folder / "want", outputs)
            found = self.each(folder, 1, lambda e: make(e) if e != "peak" else 0.0)
            print(f"{folder.name:16} " + " | ".join(f"{e} {d:.1e}{'' if d < tolerance else ' WRONG'}" for e, d in found.items()), flush=True)
            good = good and found.get(OWN, float("inf")) < tolerance
            self.row(kind="check", network=folder.name, difference=found)
        return good


def markdown(path):
    """The latency rows of a JSON file as the table of docs/performance.md; of a network's rows the last counts."""
    rows = {(r["network"], r["threads"]): r for r in map(json.loads, open(path)) if r["kind"] == "latency"}
    engines = list(dict.fromkeys(e for r in rows.values() for e in r["engines"]))
    print("| network | threads | " + " | ".join(engines) + " | ratio | ratio of minima | of peak |\n|---|---|" + "---|" * (len(engines) + 3))
    for (network, threads), row in sorted(rows.items(), key=lambda item: (item[0][1], item[1]["gflop"])):
        def cell(engine):
            ms = row["engines"].get(engine, {}).get("ms")
            return "-" if ms is None else f"{ms * 1e3:.3g} us" if ms < 0.1 else f"{ms:.3g}"
        ours = row["engines"][OWN]
        peak = "-" if ours["of_peak"] != ours["of_peak"] else f"{ours['of_peak']:.0%}"
        print(f"| {network} | {threads} | {' | '.join(map(cell, engines))} | {ours['ratio']:.2f} | {ours['min_ratio']:.2f} | {peak} |")


def build_ours():
    targets = ["//tests/benchmark/engines:mirin_worker", "//core/tools:converter_lite"]
    subprocess.run([lab.ROOT / "bazelw", "build", *targets], cwd=lab.ROOT, check=True)
    return lab.ROOT / "bazel-bin/tests/benchmark/engines/mirin_worker", lab.ROOT / "bazel-bin/core/tools/converter_lite"


def parse():
    def several(kind):
        return lambda text: [kind(x) for x in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["check", "latency"], help="latency, load, throughput, dynamic, check")
    parser.add_argument("--networks", type=several(str), help="names in models/; default: all")
    parser.add_argument("--threads", type=several(int), default=[1])
    parser.add_argument("--cpus", type=several(int), default=[0, 1], help="one thread runs on the last")
    parser.add_argument("--engines", type=several(str), help="default: mirin, the peers and peak (0.8 GFLOP of multiply-adds a thread)")
    parser.add_argument("--engine", action="append", default=[], metavar="NAME=COMMAND", help="one more worker that reads Mirin's files")
    parser.add_argument("--worker", help="Mirin's worker; this and the converter are built now by default")
    parser.add_argument("--converter", default=lab.ROOT / "bazel-bin/core/tools/converter_lite")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall",
                        help="cpu: CPU time of the worker, for one thread on a machine that others use")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--turn-ms", type=float, default=120)
    parser.add_argument("--timeout", type=float, default=90, help="seconds until a silent worker is given up")
    parser.add_argument("--json", help="append an object a row to this file")
    parser.add_argument("--markdown", metavar="FILE", help="print the table of an earlier --json FILE and end")
    parser.add_argument("--lab", default=os.environ.get("MIRIN_BENCH_LAB", os.path.expanduser("~/.cache/mirin-bench")))
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.markdown:
        markdown(arguments.markdown)
        return 0
    place = lab.Lab(arguments.lab)
    place.make_environments()
    if pathlib.Path(sys.prefix).resolve() != (place.folder / "peers").resolve():  # NumPy and onnx are there
        os.execv(place.python, [str(place.python), *sys.argv])
    worker, converter = (arguments.worker, arguments.converter) if arguments.worker else build_ours()
    engines = {OWN: [str(worker)], **place.build_workers()}
    if arguments.engines:
        engines = {e: engines[e] for e in arguments.engines}
    for extra in arguments.engine:
        name, _, command = extra.partition("=")
        engines[name] = shlex.split(command)
    place.make_networks(arguments.networks, converter)
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    print(f"{time.strftime('%F %T')}  {cpu}  load {os.getloadavg()[0]:.1f}", flush=True)
    bench = Bench(arguments, place, engines)
    results = [getattr(bench, what)() for what in arguments.what]
    return 1 if False in results else 0


if __name__ == "__main__":
    sys.exit(main())
