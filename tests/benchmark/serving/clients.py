"""Load generators, each as a function that returns (requests, seconds, p50 us, p99 us). Any failed request is an error."""
import json
import pathlib
import re
import subprocess
import time

WRK_SCRIPT = """
local file = io.open(os.getenv("BODY"), "rb")
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["Content-Type"] = "application/json"
local bad = 0
function response(status, headers, body)
  if status ~= 200 or string.find(body, '"error_msg"', 1, true) then wrk.thread:set("bad", 1) end
end
local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  for _, thread in ipairs(threads) do failed = failed + (thread:get("bad") or 0) end
  io.write(string.format('\\n{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"failed":%d}\\n', summary.requests,
      summary.duration / 1e6, latency:percentile(50), latency:percentile(99), failed))
end
"""


def _run(command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed ({done.returncode}): {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def own(python, address, case, seconds):
    """The client of the interpreter's mindspore_serving."""
    script = pathlib.Path(__file__).resolve().with_name("own_client.py")
    out = json.loads(_run([python, str(script), address, case.method, *case.shape.split(":"), str(seconds)]).splitlines()[-1])
    return out["requests"], out["seconds"], out["p50"], out["p99"]


def mirin_load(program, address, case, seconds):
    """Our own, which knows all protocols."""
    url = f"http://{address}" if case.protocol.endswith("http") else address
    out = json.loads(_run([
        program, url, "--model=bench", f"--method={case.method}", f"--protocol={case.protocol}", f"--shape={case.shape}",
        f"--batch={case.instances}", f"--concurrency={case.concurrency}", f"--duration={seconds}", "--warmup=0", "--json",
        *([f"--rate={case.rate}"] if case.rate else []),
    ]))
    return out["requests"], out["seconds"], out["latency_us"]["p50"], out["latency_us"]["p99"]


def wrk(program, address, case, seconds, folder):
    """MindSpore Serving's REST, one small tensor_add request."""
    script, body = pathlib.Path(folder, "wrk.lua"), pathlib.Path(folder, "body.json")
    script.write_text(WRK_SCRIPT)
    body.write_text('{"instances":[{"x1":[[0.1,0.2],[0.3,0.4]],"x2":[[0.1,0.2],[0.3,0.4]]}]}')
    out = _run([program, "-t1", f"-c{case.concurrency}", f"-d{seconds}s", "-s", str(script), f"http://{address}/model/bench:{case.method}"],
               env={"BODY": str(body)})
    figures = json.loads(out[out.rindex("\n{"):])
    if figures["failed"]:
        raise RuntimeError(f"wrk: {figures['failed']} requests failed")
    return figures["requests"], figures["seconds"], figures["p50"], figures["p99"]


def _field(number, payload):
    size, prefix = len(payload), b""
    while size >= 0x80:
        prefix, size = prefix + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + prefix + bytes([size]) + payload


def _predict_request(method):
    """PredictRequest of tensor_add behind gRPC's frame header; field numbers of ms_service.proto."""
    tensor = _field(1, _field(1, b"\x02\x02")) + b"\x10\x0b" + _field(3, bytes.fromhex("cdcccc3d") * 4)
    items = b"".join(_field(1, _field(1, name) + _field(2, tensor)) for name in (b"x1", b"x2"))
    message = _field(1, _field(1, b"bench") + _field(2, method.encode())) + _field(2, items)
    return b"\0" + len(message).to_bytes(4, "big") + message


def h2load(program, address, case, seconds, folder):
    """MindSpore Serving's gRPC, one small tensor_add request, one stream a connection."""
    body, log = pathlib.Path(folder, "body.grpc"), pathlib.Path(folder, "h2load.log")
    body.write_bytes(_predict_request(case.method))
    log.unlink(missing_ok=True)
    begin = time.monotonic()
    out = _run([program, f"-c{case.concurrency}", "-m1", "-t1", f"-D{seconds}", f"-d{body}", f"--log-file={log}",
                "-Hcontent-type: application/grpc", "-Hte: trailers", f"http://{address}/mindspore.serving.proto.MSService/Predict"])
    took = time.monotonic() - begin
    failed = re.search(r"(\d+) failed, (\d+) errored", out)
    if failed is None or failed.groups() != ("0", "0"):
        raise RuntimeError(f"h2load: {out[-1000:]}")
    durations = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines() if line.split("\t")[1] == "200")
    if not durations:
        raise RuntimeError("h2load: no request was answered")
    return len(durations), min(took, seconds), durations[len(durations) // 2], durations[int(len(durations) * 0.99)]
