"""status_page.py: the status page in headless Chromium, while requests come in. Skipped where there is no Chromium."""

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BODY = json.dumps({"instances": {"x1": [[1.0, 2.0], [3.0, 4.0]], "x2": [[1.0, 2.0], [3.0, 4.0]]}}).encode()


def rendered(url):
    """The page's document after four seconds of its own time, and what its scripts said."""
    with tempfile.TemporaryDirectory() as profile:
        browser = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", f"--user-data-dir={profile}", "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", url],
            capture_output=True, text=True, check=True, timeout=120,
        )
    return browser.stdout, [line for line in browser.stderr.splitlines() if "CONSOLE" in line]


@unittest.skipIf(CHROMIUM is None, "there is no Chromium on this machine")
class StatusPage(unittest.TestCase):
    def test_shows_what_is_served(self):
        with harness.Server(["add"], http={}) as server:
            with contextlib.closing(server.connect()) as connection:
                for _ in range(3):
                    status, _ = harness.post(connection, "/model/add:add_common", BODY)
                    self.assertEqual(status, 200)
            page, console = rendered(f"http://{server.http_address}/")
            self.assertEqual(console, [])
            self.assertRegex(page, r'id="state" class="good">ready<')
            rows = re.findall(r"<tr>(.*?)</tr>", page, re.S)
            cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.S) for row in rows]
            served = [c for c in cells if c and c[0] == "add" and "READY" in c]
            self.assertTrue(served, page)
            self.assertIn("add_common", served[0][3])
            # requests that were answered well, of the method
            counted = [c for c in cells if len(c) == 9 and c[7] == "3" and c[8] == "0"]
            self.assertEqual(len(counted), 1, page)

            operations, console = rendered(f"http://{server.http_address}/docs")
            self.assertEqual(console, [])
            self.assertIn("/v2/models", operations)


if __name__ == "__main__":
    unittest.main()
