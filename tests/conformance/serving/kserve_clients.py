"""kserve_clients.py MISSING: KServe's clients, unmodified. They speak the protocol without Triton's extensions.

Their packages are an optional archive of the build: where they cannot be had there is a file MISSING with the reason, and it passes.
"""

import asyncio
import importlib.machinery
import pathlib
import sys
import types
import unittest

import harness

if pathlib.Path(sys.argv[1]).exists():
    print("skipped: the packages could not be fetched: " + pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.exit(0)

# The package's own __init__ wants Kubernetes and a web server, which the clients do not.
_spec = importlib.machinery.PathFinder.find_spec("kserve")
sys.modules["kserve"] = types.ModuleType("kserve")
sys.modules["kserve"].__path__ = _spec.submodule_search_locations

# ruff: noqa: E402
import numpy as np
from kserve import inference_client
from kserve.protocol import infer_type

X1 = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
X2 = X1 * 10


class Kserve(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(harness.Server(["open"], grpc={}, http={}))

    def request(self, binary=False):
        inputs = []
        for name, array in (("x1", X1), ("x2", X2)):
            inputs.append(infer_type.InferInput(name, list(array.shape), "FP32"))
            inputs[-1].set_data_from_numpy(array, binary_data=binary)
        return infer_type.InferRequest("open", inputs, request_id="eight")

    def check(self, response):
        self.assertEqual((response.id, response.model_name), ("eight", "open"))
        np.testing.assert_array_equal(response.outputs[0].as_numpy(), X1 + X2)

    def test_rest(self):
        async def run():
            base = f"http://{self.server.http_address}"
            async with inference_client.InferenceRESTClient(inference_client.RESTConfig(protocol="v2")) as c:
                self.assertTrue(await c.is_server_live(base))
                self.assertTrue(await c.is_server_ready(base))
                self.assertTrue(await c.is_model_ready(base, "open"))
                for binary in (False, True):
                    self.check(await c.infer(base, self.request(binary), model_name="open"))

        asyncio.run(run())

    def test_grpc(self):
        async def run():
            async with inference_client.InferenceGRPCClient(self.server.grpc_address) as c:
                self.assertTrue(await c.is_server_live())
                self.assertTrue(await c.is_server_ready())
                self.assertTrue(await c.is_model_ready("open"))
                self.check(await c.infer(self.request()))

        asyncio.run(run())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
