"""Asks the server of this sample to add, by gRPC and by REST.

tensor_add_client [GRPC_ADDRESS REST_ADDRESS]   (default: 127.0.0.1:5500 127.0.0.1:1500)
"""

import json
import sys
import urllib.request

import numpy as np
from mindspore_serving.client import Client


def by_grpc(address):
    # [START grpc]
    client = Client(address, "add", "add_common")
    instances = [
        {"x1": np.full([2, 2], i, np.float32), "x2": np.full([2, 2], 2 * i, np.float32)}
        for i in (1, 2, 3)
    ]
    for result in client.infer(instances):
        print("add_common", result["y"].tolist())
    # [END grpc]
    client = Client(address, "add", "add_cast")
    one = {"x1": np.ones([2, 2], np.int32), "x2": np.array([[1, 2], [3, 4]], np.int64)}
    future = client.infer_async(one)
    print("add_cast  ", future.result()[0]["y"].tolist())
    # A failure comes as a text.
    wrong = {"x1": np.ones([2, 2], np.int32), "x2": np.ones([2, 2], np.float32)}
    print(Client(address, "add", "add_common").infer(wrong)["error"])


def by_rest(address):
    body = {"instances": [{"x1": [[1.0, 2.0], [3.0, 4.0]], "x2": [[1.0, 1.0], [1.0, 1.0]]}]}
    request = urllib.request.Request(
        f"http://{address}/model/add/version/1:add_common", json.dumps(body).encode()
    )
    with urllib.request.urlopen(request) as answer:
        print("REST      ", json.load(answer)["instances"][0]["y"])


def main(grpc_address="127.0.0.1:5500", rest_address="127.0.0.1:1500"):
    by_grpc(grpc_address)
    by_rest(rest_address)


if __name__ == "__main__":
    main(*sys.argv[1:])
