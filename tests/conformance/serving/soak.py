"""soak.py [--minutes N]: a server under load for an hour; its memory and that of its workers is printed every minute.

Models, stages in Python, both faces, hostile requests and a reload a minute. It fails when the second half needs more memory than
the first by more than the bound.
"""

import argparse
import contextlib
import pathlib
import random
import sys
import threading
import time

import numpy as np

import harness
import hostile
import life
from grpc_cases import X, instance

BOUND = 32 << 20  # bytes, of the server and its workers together


def rss(pids):
    """Bytes that the processes have of their own."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


class HttpLoad:
    """One client of the REST face, until it is told to end."""

    def __init__(self, server, path, body):
        self._ended, self.failed, self.count = threading.Event(), [], 0
        self._arguments = server, path, body
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        server, path, body = self._arguments
        with contextlib.closing(server.connect()) as connection:
            while not self._ended.is_set():
                status, answer = harness.post(connection, path, body)
                self.count += 1
                if status != 200:
                    self.failed.append(answer)

    def end(self):
        self._ended.set()
        self._thread.join()
        assert not self.failed, self.failed[0]


def minute(server, rng, seconds):
    """Loads for `seconds`: the number of requests."""
    loads = [
        life.Load(server, 2, "add", "add_common", lambda number: instance(x1=X, x2=X)),
        life.Load(server, 2, "pyfun", "echo", lambda number: instance(x=np.full(rng.choice([1, 100, 100000]), number, np.int32))),
    ]
    http = HttpLoad(server, "/model/add:add_cast", {"instances": {"x1": [[1, 2], [3, 4]], "x2": [[1, 2], [3, 4]]}})
    abuses = hostile.kinds(hostile.Sockets(server.http_port, rng)) + hostile.kinds(hostile.Calls(server.grpc_address, rng))
    end, i = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        abuses[i % len(abuses)][1]()
        i += 1
    server.add("add", {"name": "pyfun", "workers": 2})
    http.end()
    count = http.count + i
    for load in loads:
        answers = load.end()
        failed = life.failures(answers)
        assert not failed, failed
        count += len(answers)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60, help="of each of them")
    arguments = parser.parse_args()
    rng, seen = random.Random(6), []
    face = {"max_message_bytes": hostile.LIMIT}
    with harness.Server(["add", {"name": "pyfun", "workers": 2}], hostile.OPTIONS, grpc=face, http=face) as server:
        workers = len(server.children())
        for i in range(arguments.minutes):
            count = minute(server, rng, arguments.seconds)
            life.wait_for(lambda: len(server.children()) == workers, "the end of the old workers")
            seen.append((rss([server.process.pid]), rss(server.children())))
            print(
                f"{i + 1:4d} min  {count:9d} requests  server {seen[-1][0] / 2**20:7.1f} MiB  workers {seen[-1][1] / 2**20:7.1f} MiB",
                flush=True,
            )
    half = len(seen) // 2
    if half:
        grown = max(map(sum, seen[half:])) - max(map(sum, seen[:half]))
        print(f"the second half needed {grown / 2**20:+.1f} MiB")
        return int(grown > BOUND)
    return 0


if __name__ == "__main__":
    sys.exit(main())
