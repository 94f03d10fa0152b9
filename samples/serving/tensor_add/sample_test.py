"""sample_test.py SERVER CLIENT EXPECTED: the client prints the lines of EXPECTED, and the server ends well on SIGTERM."""

import pathlib
import signal
import socket
import subprocess
import sys
import unittest

SERVER, CLIENT, EXPECTED = sys.argv[1:]


def free_addresses(count):
    """Addresses whose ports nobody had a moment ago: the original's interface takes no port 0."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses


class SampleTest(unittest.TestCase):
    def serve(self):
        """A server that listens, and its addresses."""
        for _ in range(5):
            addresses = free_addresses(2)
            server = subprocess.Popen(
                [SERVER, *addresses], stdout=subprocess.PIPE, encoding="utf-8"
            )
            self.addCleanup(server.stdout.close)
            self.addCleanup(server.kill)
            for line in server.stdout:
                if f"listening on {addresses[1]}" in line:
                    return server, addresses
            self.assertNotEqual(server.wait(), 0)  # perhaps somebody took a port
        self.fail("the server does not start")

    def test_client_prints_what_is_expected(self):
        server, addresses = self.serve()
        client = subprocess.run(
            [CLIENT, *addresses], stdout=subprocess.PIPE, encoding="utf-8", check=True, timeout=60
        )
        self.assertEqual(client.stdout, pathlib.Path(EXPECTED).read_text(encoding="utf-8"))
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(60), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
