"""The client against a gRPC server of the test's own."""

import asyncio
import contextlib
import io
import pathlib
import tempfile
import threading
import unittest
from concurrent import futures

import grpc
import numpy as np
from mindspore_serving.client import AsyncClient, Client, ServingError, SSLConfig
from mindspore_serving.proto import ms_service_pb2 as pb
from mindspore_serving.proto import ms_service_pb2_grpc

CERTIFICATES = pathlib.Path(__file__).parent / "certificates"
X = np.float32([[1, 2], [3, 4]])


class Service(ms_service_pb2_grpc.MSServiceServicer):
    """Methods: echo answers what it gets, the others as they are named."""

    def __init__(self):
        self.requests = []
        self.metadata = []

    def Predict(self, request, context):
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        method = request.servable_spec.method_name
        reply = pb.PredictReply(servable_spec=request.servable_spec)
        if method == "fail":
            reply.error_msg.add(error_code=2, error_msg=b"no such thing")
        elif method == "block":
            ended = threading.Event()
            context.add_callback(ended.set)
            ended.wait(60)
        else:
            for instance in request.instances:
                reply.instances.add().CopyFrom(instance)
        if method == "mixed":
            reply.instances[1].Clear()
            for code, text in ((0, b""), (3, b"negative"), (0, b"")):
                reply.error_msg.add(error_code=code, error_msg=text)
        return reply


def read(name):
    return (CERTIFICATES / name).read_bytes()


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.address = self.serve()

    def serve(self, credentials=None, address="127.0.0.1:0"):
        server = grpc.server(futures.ThreadPoolExecutor(4))
        ms_service_pb2_grpc.add_MSServiceServicer_to_server(self.service, server)
        port = (
            server.add_secure_port(address, credentials)
            if credentials
            else server.add_insecure_port(address)
        )
        server.start()
        self.addCleanup(lambda: server.stop(0).wait(60))
        return f"127.0.0.1:{port}" if address.endswith(":0") else address

    def client(self, method="echo", **kwargs):
        client = Client(kwargs.pop("address", self.address), "sv", method, **kwargs)
        self.addCleanup(client.close)
        return client

    def tensor(self, value):
        """The message of a value that was sent."""
        self.client().infer({"x": value})
        return self.service.requests[-1].instances[0].items["x"]

    def test_messages_have_their_numbers(self):
        request = pb.PredictRequest()
        request.servable_spec.name, request.servable_spec.method_name = "s", "m"
        request.servable_spec.version_number = 2
        tensor = request.instances.add().items["x"]
        tensor.shape.dims.append(1)
        tensor.dtype = pb.MS_STRING
        tensor.bytes_val.append(b"v")
        self.assertEqual(
            request.SerializeToString(),
            bytes.fromhex("0a08 0a0173 12016d 1802 1211 0a0f 0a0178 120a 0a03 0a0101 100d 220176"),
        )
        self.assertEqual(pb.DataType.Name(14), "MS_BYTES")

    def test_infers(self):
        client = self.client(version_number=3)
        ((y,),) = [r.values() for r in client.infer({"x": X})]
        np.testing.assert_array_equal(y, X)
        self.assertFalse(y.flags.writeable)
        spec = self.service.requests[0].servable_spec
        self.assertEqual((spec.name, spec.method_name, spec.version_number), ("sv", "echo", 3))
        results = client.infer([{"x": X}, {"x": 2 * X}])
        np.testing.assert_array_equal([r["x"] for r in results], [X, 2 * X])
        future = client.infer_async(({"x": X},))
        np.testing.assert_array_equal(future.result()[0]["x"], X)
        self.assertTrue(future.done())

    def test_values(self):
        for name in (
            "bool",
            "int8",
            "uint8",
            "int16",
            "uint16",
            "int32",
            "uint32",
            "int64",
            "uint64",
            "float16",
            "float32",
            "float64",
        ):
            for value in (
                np.zeros((2, 0), name),
                np.ones((2, 3), name),
                np.dtype(name).type(1),
                np.array(1, name),
            ):
                (result,) = self.client().infer({"x": value})
                self.assertEqual((result["x"].dtype, result["x"].shape), (value.dtype, value.shape))
                np.testing.assert_array_equal(result["x"], value)
        swapped = np.array([1, 2], ">i4")
        np.testing.assert_array_equal(self.client().infer({"x": swapped})[0]["x"], [1, 2])
        turned = np.arange(6).reshape(2, 3).T
        np.testing.assert_array_equal(self.client().infer({"x": turned})[0]["x"], turned)
        for value, dtype in ((True, pb.MS_BOOL), (7, pb.MS_INT64), (1.5, pb.MS_FLOAT64)):
            tensor = self.tensor(value)
            self.assertEqual((tensor.dtype, list(tensor.shape.dims)), (dtype, [1]))
        tensor = self.tensor("é")
        self.assertEqual(
            (tensor.dtype, list(tensor.shape.dims), list(tensor.bytes_val)),
            (pb.MS_STRING, [1], ["é".encode()]),
        )
        self.assertEqual(
            self.client().infer({"s": "é", "b": b"\0\xff"}), [{"s": "é", "b": b"\0\xff"}]
        )

    def test_wrong_values(self):
        for value, text in (
            (None, "Not support value type <class 'NoneType'>"),
            ([1, 2], "Not support value type <class 'list'>"),
            ({"a": 1}, "Not support value type <class 'dict'>"),
            (np.array(["a"]), "Unknown data type <U1"),
            (np.array([1j]), "Unknown data type complex128"),
            (1 << 70, f"The integer {1 << 70} does not fit into 64 bits"),
        ):
            with self.assertRaises(RuntimeError) as raised:
                self.client().infer({"x": value})
            self.assertEqual(str(raised.exception), text)
        with self.assertRaisesRegex(RuntimeError, "^instance should be a map$"):
            self.client().infer([5])

    def test_wrong_arguments(self):
        for args, text in (
            ((1, "a", "b"), "Parameter 'address' should be str, but actually <class 'int'>"),
            (("", "a", "b"), "Parameter 'address' should not be empty str"),
            (("x", "", "b"), "Parameter 'servable_name' should not be empty str"),
            (("x", "a", ""), "Parameter 'method_name' should not be empty str"),
            (("x", "a", "b", -1), "Parameter 'version_number' should be >= 0"),
            (
                ("x", "a", "b", "1"),
                "Parameter 'version_number' should be int, but actually <class 'str'>",
            ),
            (("x", "a", "b", 0, 1), "The type of ssl_config should be type of SSLConfig"),
        ):
            for kind in (Client, AsyncClient):
                with self.assertRaises(RuntimeError) as raised:
                    kind(*args)
                self.assertEqual(str(raised.exception), text)
        self.assertEqual(self.client(version_number=True).version_number, True)

    def test_errors_are_results(self):
        self.assertEqual(self.client("fail").infer({"x": X}), {"error": "no such thing"})
        results = self.client("mixed").infer([{"x": i} for i in range(3)])
        self.assertEqual([sorted(r) for r in results], [["x"], ["error"], ["x"]])
        self.assertEqual(results[1], {"error": "negative"})
        self.assertEqual(
            self.client("fail").infer_async({"x": X}).result(), {"error": "no such thing"}
        )

    def test_errors_can_be_raised(self):
        with self.assertRaisesRegex(ServingError, "^no such thing$") as raised:
            self.client("fail", raise_on_error=True).infer({"x": X})
        self.assertEqual((raised.exception.code, raised.exception.instance), (2, None))
        with self.assertRaisesRegex(ServingError, "^negative$") as raised:
            self.client("mixed", raise_on_error=True).infer([{"x": i} for i in range(3)])
        self.assertEqual((raised.exception.code, raised.exception.instance), (3, 1))
        self.assertEqual(raised.exception.results[2]["x"], 2)

    def dead(self):
        """An address where nobody listens."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return f"unix:{directory.name}/none"

    def test_no_answer(self):
        client = self.client(address=self.dead())
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            result = client.infer({"x": X})
        self.assertEqual(output.getvalue(), "")
        self.assertRegex(result["error"], r"^Grpc Error, \(14, 'unavailable'\), ")
        with self.assertRaises(grpc.RpcError) as raised:
            client.infer_async({"x": X}).result()
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
        with self.assertRaises(ServingError) as raised:
            self.client(address=self.dead(), raise_on_error=True).infer({"x": X})
        self.assertEqual((raised.exception.code, raised.exception.is_transport), (14, True))

    def test_time_limits(self):
        self.assertEqual(
            self.client("block", timeout=0.05).infer({"x": X}),
            {"error": "Grpc Error, (4, 'deadline exceeded'), Deadline Exceeded"},
        )
        result = self.client("block").infer({"x": X}, timeout=0.05)
        self.assertIn("deadline exceeded", result["error"])

    def test_cancel(self):
        future = self.client("block").infer_async({"x": X})
        self.assertTrue(future.cancel())
        with self.assertRaises(grpc.FutureCancelledError):
            future.result()

    def test_metadata(self):
        client = self.client(metadata={"x-request-id": "1", "a": "b"})
        client.infer({"x": X}, metadata=[("c", "d")])
        metadata = self.service.metadata[-1]
        self.assertEqual([metadata.get(k) for k in ("x-request-id", "a", "c")], ["1", "b", "d"])

    def test_close(self):
        with self.client() as client:
            self.assertEqual(len(client.infer({"x": X})), 1)
        client.close()
        with self.assertRaises(ValueError):
            client.infer({"x": X})

    def test_unix_sockets(self):
        with tempfile.TemporaryDirectory() as directory:
            address = self.serve(address=f"unix:{directory}/s")
            self.assertEqual(len(self.client(address=address).infer({"x": X})), 1)

    def test_asyncio(self):
        async def main():
            async with AsyncClient(self.address, "sv", "echo", timeout=60) as client:
                results = await asyncio.gather(*(client.infer({"x": i * X}) for i in range(8)))
                for i, (result,) in enumerate(results):
                    np.testing.assert_array_equal(result["x"], i * X)
            async with AsyncClient(self.address, "sv", "fail") as client:
                self.assertEqual(await client.infer({"x": X}), {"error": "no such thing"})
            async with AsyncClient(self.dead(), "sv", "echo", raise_on_error=True) as client:
                with self.assertRaises(ServingError):
                    await client.infer({"x": X})
            await client.close()

        asyncio.run(main())

    def test_tls(self):
        ca = str(CERTIFICATES / "ca.pem")
        own = {
            "certificate": str(CERTIFICATES / "client.pem"),
            "private_key": str(CERTIFICATES / "client.key"),
        }
        pair = [(read("server.key"), read("server.pem"))]
        one_way = self.serve(grpc.ssl_server_credentials(pair))
        mutual = self.serve(grpc.ssl_server_credentials(pair, read("ca.pem"), True))
        for address, config, works in (
            (one_way, SSLConfig(custom_ca=ca), True),
            (one_way, SSLConfig(custom_ca=ca, **own), True),
            (one_way, SSLConfig(), False),
            (mutual, SSLConfig(custom_ca=ca, **own), True),
            (mutual, SSLConfig(custom_ca=ca), False),
            (mutual, None, False),
        ):
            result = self.client(address=address, ssl_config=config).infer({"x": X})
            self.assertEqual(isinstance(result, list), works, (address, result))
        with self.assertRaisesRegex(
            RuntimeError, "^The certificate and private_key should be passed at the same time$"
        ):
            SSLConfig(certificate=ca)
        with self.assertRaisesRegex(
            RuntimeError, "^Parameter 'custom_ca' should be str, but actually <class 'int'>$"
        ):
            SSLConfig(custom_ca=1)
        with self.assertRaises(FileNotFoundError):
            self.client(ssl_config=SSLConfig(custom_ca="/no/ca"))


if __name__ == "__main__":
    unittest.main()
