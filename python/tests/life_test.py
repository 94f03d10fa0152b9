"""life_test.py [ROUNDS]: objects dropped in any order, endless use without growth, forks.

ROUNDS (default 300) is how often models are made, run and closed; 100000 takes minutes.
"""

import gc
import itertools
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import unittest

import mindspore_lite as mslite
import numpy as np
from mindspore_lite import _capi
from support import arrays, build, path

ROUNDS = 300


def resident():
    gc.collect()
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def make_runner():
    context = mslite.Context()
    context.cpu.thread_num = 1
    context.parallel.workers_num = 1
    runner = mslite.ModelParallelRunner()
    runner.build_from_file(path("tensor_add"), context)
    return runner


def in_child(work):
    """Runs work() in a forked child; it has to return True."""
    pid = os.fork()
    if pid == 0:
        try:
            ok = work() is True
        except BaseException as e:
            print(f"child: {type(e).__name__}: {e}", file=sys.stderr)
            ok = False
        sys.stderr.flush()
        os._exit(0 if ok else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def predict_alone(name):
    """For worker processes: a model of their own."""
    inputs, expected = arrays(name)
    out = build(name, threads=0).predict(inputs)[0].get_data_to_numpy()
    return bool(np.allclose(out, expected[0], rtol=1e-4, atol=1e-4))


class LifeTest(unittest.TestCase):
    def test_any_order_of_ends(self):
        inputs, (y,) = arrays("tensor_add")
        for order in itertools.permutations(range(5)):
            model = build("tensor_add")
            tensors = model.get_inputs()
            for t, x in zip(tensors, inputs):
                t.set_data_from_numpy(x.copy())
            out = model.predict(tensors)
            array = out[0].get_data_to_numpy()
            things = {
                0: model,
                1: tensors,
                2: out,
                3: out[0]._tensor,
                4: mslite.Tensor(out[0]._tensor),
            }
            del model, tensors, out
            for k in order:
                del things[k]
                gc.collect(0)
            np.testing.assert_array_equal(array, y)

    def test_close_while_running(self):
        """Runs in progress end well when another thread closes the model; later ones raise."""
        inputs, (y,) = arrays("tensor_add")
        for make in (lambda: build("tensor_add"), make_runner):
            for _ in range(20):
                model = make()
                failures = []
                begun = threading.Barrier(5)

                def work(model=model, failures=failures, begun=begun):
                    begun.wait()
                    try:
                        while True:
                            if not np.array_equal(model.predict(inputs)[0].get_data_to_numpy(), y):
                                failures.append("wrong")
                    except RuntimeError as e:
                        if "FAILED_PRECONDITION" not in str(e):
                            failures.append(str(e))

                threads = [threading.Thread(target=work) for _ in range(4)]
                for t in threads:
                    t.start()
                begun.wait()
                model.close()
                for t in threads:
                    t.join()
                self.assertEqual(failures, [])

    def test_memory_stays_flat(self):
        inputs, (y,) = arrays("tensor_add")
        model, runner = build("tensor_add"), make_runner()
        out = [np.zeros_like(y)]
        bad = inputs[:1]

        def round_of_use():
            with build("tensor_add") as m:
                t = m.get_inputs()
                for tensor, x in zip(t, inputs):
                    tensor.set_data_from_numpy(x)
                m.predict(t)[0].get_data_to_numpy()
                m.predict(inputs, out)
            for m in (model, runner):
                m.predict(inputs)
                m.predict(inputs, m.get_outputs())
                m.predict([x.T for x in inputs])
                np.from_dlpack(m.predict(inputs)[0])
                try:
                    m.predict(bad)
                except RuntimeError:
                    pass
            mslite.Tensor(np.array(["a", "b"])).get_data_to_numpy()
            try:
                mslite.Model().build_from_bytes(b"bad")
            except RuntimeError:
                pass

        for _ in range(100):
            round_of_use()
        before = resident()
        for _ in range(ROUNDS):
            round_of_use()
        grown = resident() - before
        print(f"{ROUNDS} rounds, resident set grew by {grown / 1024:.0f} KiB")
        # The allocator's own bookkeeping may grow a little; what a round uses is about 30 KiB, so a
        # leak of it would show.
        self.assertLess(grown, 2 * 2**20 + ROUNDS * 100)

    def test_parallel_makers(self):
        """16 threads that each make, run and drop models."""
        inputs, (y,) = arrays("tensor_add")
        wrong = []

        def work():
            for _ in range(20):
                if not np.array_equal(
                    build("tensor_add").predict(inputs)[0].get_data_to_numpy(), y
                ):
                    wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])


def run_python(program, **environment):
    """What a new process of this interpreter writes to stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


class ProcessTest(unittest.TestCase):
    PREDICT = "from support import *; build('tensor_add').predict(arrays('tensor_add')[0])\n"

    def test_log_levels(self):
        """Nothing is said unless MIRIN_LOG or MindSpore Lite's GLOG_v asks for it; MIRIN_LOG goes first."""
        self.assertEqual(run_python(self.PREDICT), (0, "", ""))
        self.assertEqual(run_python(self.PREDICT, GLOG_v="2"), (0, "", ""))
        self.assertEqual(run_python(self.PREDICT, GLOG_v="0", MIRIN_LOG="error"), (0, "", ""))
        code, _, said = run_python(self.PREDICT, GLOG_v="0")
        self.assertEqual(code, 0)
        self.assertGreater(len(said), 100)

    def test_second_import(self):
        program = """
import sys
import mindspore_lite as first
import numpy as np
from support import arrays, build
inputs, (y,) = arrays("tensor_add")
model = build("tensor_add")
for name in [n for n in sys.modules if n.startswith(("mindspore_lite", "support"))]:
    del sys.modules[name]
import mindspore_lite as second
from support import build as build_again
assert first is not second
for m in (model, build_again("tensor_add")):
    assert np.array_equal(m.predict(inputs)[0].get_data_to_numpy(), y)
try:
    build_again("tensor_add").predict([])
except second.InvalidArgumentError:
    print("raised")
"""
        self.assertEqual(run_python(program), (0, "raised\n", ""))

    def test_fork_before_any_model(self):
        """A child of a process that had only imported the package is as free as any."""
        program = """
import os
import mindspore_lite
from support import *
pid = os.fork()
inputs, expected = arrays("resnet18_tiny")
out = build("resnet18_tiny", threads=2).predict(inputs)[0].get_data_to_numpy()
ok = np.allclose(out, expected[0], rtol=1e-4, atol=1e-4)
if pid == 0:
    os._exit(0 if ok else 1)
print(ok, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
        self.assertEqual(run_python(program), (0, "True 0\n", ""))


class ForkTest(unittest.TestCase):
    def test_models_of_the_parent_raise(self):
        inputs, (y,) = arrays("tensor_add")
        model, runner = build("tensor_add", threads=2), make_runner()
        out = model.predict(inputs)
        runner.predict(inputs)

        def child():
            for call in (
                lambda: model.predict(inputs),
                lambda: model.predict(inputs, out),
                lambda: runner.predict(inputs),
                lambda: model.resize(model.get_inputs(), [[2, 2], [2, 2]]),
                lambda: model.resize(model.get_inputs(), [[4, 2], [4, 2]]),
                lambda: build("tensor_add", threads=2),
            ):
                try:
                    call()
                    return False
                except RuntimeError as e:
                    if "forked" not in str(e) or "spawn" not in str(e):
                        raise
            model.close()
            runner.close()
            return np.array_equal(out[0].get_data_to_numpy(), y)

        self.assertTrue(in_child(child))
        np.testing.assert_array_equal(model.predict(inputs)[0].get_data_to_numpy(), y)

    def test_models_of_the_child_run(self):
        inputs, expected = arrays("resnet18_tiny")
        parent = build("resnet18_tiny", threads=2)
        parent.predict(inputs)

        def child():
            runner = mslite.ModelParallelRunner()
            runner.build_from_file(path("resnet18_tiny"))
            same = np.allclose(
                runner.predict(inputs)[0].get_data_to_numpy(), expected[0], rtol=1e-4, atol=1e-4
            )
            return (
                bool(same)
                and predict_alone("resnet18_tiny")
                and in_child(lambda: predict_alone("bert_tiny"))
            )

        self.assertTrue(in_child(child))
        parent.predict(inputs)

    def test_fork_in_the_middle_of_a_call(self):
        """The child of a process with another thread in a call would wait for its locks; it raises."""
        inputs, _ = arrays("ctrl_while")
        model = build("ctrl_while", threads=2)
        count = [inputs[0], np.array(2**31 - 1, np.int32)]  # would take minutes

        def run():
            with self.assertRaises(mslite.DeadlineExceededError):
                model.predict(count, timeout=2)

        thread = threading.Thread(target=run)
        thread.start()
        while _capi.calls_in_progress() == 0:
            pass

        def child():
            try:
                build("tensor_add", threads=0)
            except RuntimeError as e:
                return "at work in another thread" in str(e) and "spawn" in str(e)

        self.assertTrue(in_child(child))
        thread.join()
        self.assertTrue(in_child(lambda: predict_alone("tensor_add")))

    def test_process_pools(self):
        build("resnet18_tiny", threads=2).predict(arrays("resnet18_tiny")[0])
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                self.assertEqual(
                    pool.map(predict_alone, ["resnet18_tiny", "bert_tiny", "tensor_add"]),
                    [True] * 3,
                )


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        ROUNDS = int(sys.argv.pop(1))
    unittest.main()
