"""own_client.py ADDRESS METHOD DTYPE ELEMENTS SECONDS: asks servable bench by the package's own client, one request behind the other; prints JSON.

Runs under the interpreter of either server: a program that changes the package sees these times."""
import json
import sys
import time

import numpy as np
from mindspore_serving.client import Client


def main():
    """One array goes out and comes back, and is compared once."""
    address, method, dtype, elements, seconds = sys.argv[1:]
    client = Client(address, "bench", method)
    x = np.arange(int(elements)).astype(dtype)
    for _ in range(3):
        y = client.infer([{"x": x}])[0]["y"]
    if not np.array_equal(x, y):
        sys.exit("the answer is not what was sent")
    del y
    times = []
    begin = last = time.perf_counter()
    while last - begin < float(seconds):
        client.infer([{"x": x}])[0]["y"][-1]  # pylint: disable=expression-not-assigned
        now = time.perf_counter()
        times.append(now - last)
        last = now
    times.sort()
    print(json.dumps({"requests": len(times), "seconds": last - begin, "p50": times[len(times) // 2] * 1e6,
                      "p99": times[len(times) * 99 // 100] * 1e6}))


if __name__ == "__main__":
    main()
