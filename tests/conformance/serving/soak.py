"""soak.py [--minutes N]: a server under load for an hour; its memory and that of its workers is printed every minute.

Models, stages in Python, both faces, hostile requests and a reload a minute. It fails when the second half needs more memory than
the first by more than the bound.
"""

import argparse
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
from mindspore_serving.client import Client

BOUND = 32 << 20  # bytes, of the server and its workers together


def rss(pids):
    """Bytes that the processes have of their own."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


class Endless:
    """Sends one request behind the other until it is told to end."""

    def __init__(self, send):
        """send(number) answers with what failed, or nothing."""
        self._ended, self._send, self.failed, self.count = threading.Event(), send, [], 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set() and not self.failed:
            failed = self._send(self.count)
            self.count += 1
            if failed:
                self.failed.append(failed)

    def end(self):
        self._ended.set()
        self._thread.join()
        assert not self.failed, self.failed[0]


def echoes(client, seed):
    """Of Endless: arrays of many sizes by shared memory, a few of which are kept for a while."""
    rng, kept = random.Random(seed), []

    def send(number):
        x = np.full(rng.randrange(20_000, hostile.LIMIT // 4 - 100), number, np.int32)
        result = client.infer({"x": x})
        if "error" in result or not np.array_equal(result[0]["y"], x):
            return result
        kept.append((number, result[0]["y"]))
        if len(kept) > 5:
            old, y = kept.pop(rng.randrange(len(kept)))
            if y[0] != old or y[-1] != old:
                return f"{y[0]} became of {old}"
        return None

    return send


def minute(server, rng, seconds):
    """Loads for `seconds`: the number of requests."""
    loads = [
        life.Load(server, 2, "add", "add_common", lambda number: instance(x1=X, x2=X)),
        life.Load(server, 2, "pyfun", "echo", lambda number: instance(x=np.full(rng.choice([1, 100, 100000]), number, np.int32))),
    ]
    connection, client = server.connect(), Client(server.grpc_address, "pyfun", "echo")
    body = {"instances": {"x1": [[1, 2], [3, 4]], "x2": [[1, 2], [3, 4]]}}

    def post(_):
        status, answer = harness.post(connection, "/model/add:add_cast", body)
        return None if status == 200 else answer

    endless = [Endless(post), Endless(echoes(client, rng.random()))]
    abuses = hostile.kinds(hostile.Sockets(server.http_port, rng)) + hostile.kinds(hostile.Calls(server.grpc_address, rng))
    end, i = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        abuses[i % len(abuses)][1]()
        i += 1
    server.add("add", {"name": "pyfun", "workers": 2})
    count = i
    for load in endless:
        load.end()
        count += load.count
    connection.close()
    client.close()
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
