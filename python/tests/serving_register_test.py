"""What servable_config.py says, and what is wrong with it: MindSpore Serving's own texts."""

import textwrap
import unittest

from mindspore_serving.server import distributed, register
from mindspore_serving.server.register import _registry

DECLARE = 'register.declare_model(model_file="a.mindir", model_format="MindIR")'
COUNT = "the inputs can be call(x1, x2) for single instance or"
STAGE = "Check failed in method 'f', the parameter 'stage' of add_stage must be function or Model returned by declare_model"

# name, statements, the error's text (with its class where that is not RuntimeError)
ERRORS = [
    (
        "no model_format",
        'register.declare_model("a.mindir")',
        "TypeError: declare_model() missing 1 required positional argument: 'model_format'",
    ),
    (
        "bad format",
        'register.declare_model("a", "foo")',
        "model format can only be OM, MindIR or MindIR_Lite, case ignored",
    ),
    (
        "air format",
        'register.declare_model("a", "AIR")',
        "model format can only be OM, MindIR or MindIR_Lite, case ignored",
    ),
    (
        "dup files",
        'register.declare_model(["a", "a"], "mindir")',
        "The item value 'a' in parameter 'model_file' should not be repeated",
    ),
    (
        "empty list",
        'register.declare_model([], "mindir")',
        "Raise failed: Declare model failed, model files size cannot be 0",
    ),
    (
        "empty str",
        'register.declare_model("", "mindir")',
        "The item of parameter 'model_file' should not be empty str",
    ),
    (
        "file int",
        'register.declare_model(1, "mindir")',
        "Parameter 'model_file' should be str or tuple/list of str, but actually <class 'int'>",
    ),
    (
        "batch int",
        'register.declare_model("a", "mindir", with_batch_dim=1)',
        "Parameter 'with_batch_dim' should be bool, but actually <class 'int'>",
    ),
    (
        "nobatch neg",
        'register.declare_model("a", "mindir", without_batch_dim_inputs=-1)',
        "The item value '-1' in parameter 'without_batch_dim_inputs' should be >= 0",
    ),
    (
        "nobatch str",
        'register.declare_model("a", "mindir", without_batch_dim_inputs="0")',
        "Parameter 'without_batch_dim_inputs' should be int or tuple/list of int, but actually <class 'str'>",
    ),
    (
        "context bad",
        'register.declare_model("a", "mindir", context=1)',
        "Parameter 'context' should be Context, but gotten <class 'int'>",
    ),
    (
        "options bad",
        'register.declare_model("a", "mindir", options=1)',
        "Parameter 'options' should be None, GpuOptions or AclOptions, but gotten <class 'int'>",
    ),
    (
        "config_file int",
        'register.declare_model("a", "mindir", config_file=1)',
        "Parameter 'config_file' should be str, but actually <class 'int'>",
    ),
    (
        "same model twice",
        f"{DECLARE}\n{DECLARE}",
        "Raise failed: Declare model [a.mindir] failed, model file 'a.mindir' has already been used",
    ),
    ("ctx thread 0", "register.Context(thread_num=0)", "Parameter 'thread_num' should be >= 1"),
    ("ctx unknown", "register.Context(foo=1)", "Set context failed, unsupported option foo"),
    (
        "ctx affinity dup",
        "register.Context(thread_affinity_core_list=[0, 0])",
        "The item value '0' in parameter 'thread_affinity_core_list' should not be repeated",
    ),
    (
        "ctx affinity int",
        "register.Context(thread_affinity_core_list=1)",
        "Parameter 'thread_affinity_core_list' should be tuple/list of int, but actually <class 'int'>",
    ),
    (
        "ctx parallel int",
        "register.Context(enable_parallel=1)",
        "Parameter 'enable_parallel' should be bool, but actually <class 'int'>",
    ),
    (
        "ctx append bad",
        "register.Context().append_device_info(1)",
        "Parameter 'device_info' should instance of CPUDeviceInfo, GPUDeviceInfo, or AscendDeviceInfo, but actually <class 'int'>",
    ),
    (
        "ctx append twice",
        "c = register.Context()\nc.append_device_info(register.CPUDeviceInfo())\nc.append_device_info(register.CPUDeviceInfo())",
        "Device info of type cpu has already been appended",
    ),
    (
        "cpu bad",
        'register.CPUDeviceInfo(precision_mode="int8")',
        "Cpu device info 'precision_mode' can only be 'origin', 'fp16'. given 'int8'",
    ),
    (
        "cpu unknown",
        "register.CPUDeviceInfo(foo=1)",
        "Set cpu device info failed, unsupported option foo",
    ),
    (
        "gpu unknown",
        "register.GPUDeviceInfo(foo=1)",
        "Set gpu device info failed, unsupported option foo",
    ),
    (
        "ascend bad",
        'register.AscendDeviceInfo(output_type="INT8")',
        "Ascend device info 'op_select_impl_mode' can only be 'FP32'(default), 'FP16' or 'UINT8', actually given 'INT8'",
    ),
    (
        "ascend unknown",
        "register.AscendDeviceInfo(x=1)",
        "Set ascend device info failed, unsupported parameter x",
    ),
    (
        "method no outputs name",
        "@register.register_method([])\ndef f(x): return x",
        "Method return output size 1 not match registered 0",
    ),
    (
        "method outputs int",
        "@register.register_method(1)\ndef f(x): return x",
        "Parameter 'output_names' should be str or tuple/list of str, but actually <class 'int'>",
    ),
    (
        "method dup outputs",
        '@register.register_method(["a", "a"])\ndef f(x): return x, x',
        "The item value 'a' in parameter 'output_names' should not be repeated",
    ),
    (
        "method empty out",
        '@register.register_method("")\ndef f(x): return x',
        "The item of parameter 'output_names' should not be empty str",
    ),
    (
        "method varargs",
        '@register.register_method("y")\ndef f(*x): return x',
        "'f' input x cannot be VAR_POSITIONAL !",
    ),
    (
        "method kwargs",
        '@register.register_method("y")\ndef f(**x): return x',
        "'f' input x cannot be VAR_KEYWORD !",
    ),
    (
        "method kwonly",
        '@register.register_method("y")\ndef f(*, x): return x',
        "'f' input x cannot be KEYWORD_ONLY !",
    ),
    (
        "method return const",
        '@register.register_method("y")\ndef f(x): return 1',
        "TypeError: 'int' object is not iterable",
    ),
    (
        "method return none",
        '@register.register_method("y")\ndef f(x): pass',
        "TypeError: 'NoneType' object is not iterable",
    ),
    (
        "method return other",
        '@register.register_method("y")\ndef f(x): return (1,)',
        "Each value returned by method 'f' must come from the method inputs or the outputs of add_stage, now is <class 'int'>",
    ),
    (
        "method return count",
        '@register.register_method("y")\ndef f(x): return x, x',
        "Method return output size 2 not match registered 1",
    ),
    (
        "method twice",
        '@register.register_method("y")\ndef f(x): return x\n@register.register_method("y")\ndef f(x): return x',
        "Raise failed: Method f has been registered more than once.",
    ),
    (
        "stage outside",
        "register.add_stage(lambda x: x, outputs_count=1)",
        "add_stage can only be called in a function that is decorated with register_method",
    ),
    (
        "option",
        '@register.register_method("y", timeout_us=-1)\ndef f(x): return x',
        "Parameter 'timeout_us' should be >= 0",
    ),
    (
        "call no args",
        f"m = {DECLARE}\nm.call()",
        f"Model(a.mindir).call() failed: no inputs provided, {COUNT} call([[x1, x2], [x1, x2]]) for multi instances.",
    ),
    (
        "call bad list",
        f"m = {DECLARE}\nm.call([1, 2])",
        f"Model(a.mindir).call() failed: inputs format invalid, {COUNT}  call([[x1, x2], [x1, x2]]) for multi instances.",
    ),
    (
        "call subgraph neg",
        f"m = {DECLARE}\nm.call(1, subgraph=-1)",
        "Parameter 'subgraph' should be >= 0",
    ),
    (
        "call at import",
        f"m = {DECLARE}\nm.call(1)",
        "Model(a.mindir).call() failed: The model does not have subgraph of index 0, the subgraph count of the model is 0",
    ),
    (
        "distributed",
        "distributed.declare_servable(rank_size=8, stage_size=1)",
        "NotImplementedError: distributed.declare_servable: distributed servables (models that are split over several devices) are not supported by this build",
    ),
    (
        "distributed start",
        'distributed.start_servable("a", "b", "c")',
        "NotImplementedError: distributed.start_servable: distributed servables (models that are split over several devices) are not supported by this build",
    ),
]

# the same of add_stage, in the body of a method f(x, y); g takes one value, h two
STAGE_ERRORS = [
    (
        "const arg",
        "register.add_stage(g, 1, outputs_count=1)",
        "Each value of parameter *args is a placeholder for data and must come from the method inputs or the outputs of add_stage",
    ),
    (
        "no count",
        "register.add_stage(g, x)",
        "TypeError: add_stage() missing 1 required keyword-only argument: 'outputs_count'",
    ),
    (
        "count 0",
        "register.add_stage(g, x, outputs_count=0)",
        "Method return output size 0 not match registered 1",
    ),
    (
        "count str",
        "register.add_stage(g, x, outputs_count='1')",
        "Parameter 'outputs_count' should be int, but actually <class 'str'>",
    ),
    (
        "arity",
        "register.add_stage(g, x, y, outputs_count=1)",
        "function g input args count 1 not match the count 2 registered in method",
    ),
    (
        "arity of defaults",
        "register.add_stage(lambda a, b=1, *, c=2: a, outputs_count=1)",
        "function <lambda> input args count 3 not match the count 0 registered in method",
    ),
    ("callable obj", "register.add_stage(G(), x, outputs_count=1)", f"{STAGE}, now is <class 'G'>"),
    (
        "builtin",
        "register.add_stage(len, x, outputs_count=1)",
        f"{STAGE}, now is <class 'builtin_function_or_method'>",
    ),
    (
        "bound method",
        "register.add_stage(G().__call__, x, outputs_count=1)",
        f"{STAGE}, now is <class 'method'>",
    ),
    (
        "str unknown",
        "register.add_stage('nope', x, outputs_count=1)",
        "Function 'nope' is not defined",
    ),
    (
        "argmax_cpp 2in",
        "register.add_stage('argmax_cpp', x, y, outputs_count=1)",
        "Stage function 'argmax_cpp' inputs count 2 not match last registered count 1, method name 'f'",
    ),
    (
        "batch neg",
        "register.add_stage(g, x, outputs_count=1, batch_size=-1)",
        "Parameter 'batch_size' should be >= 0",
    ),
    (
        "tag int",
        "register.add_stage(g, x, outputs_count=1, tag=1)",
        "Parameter 'tag' should be str, but actually <class 'int'>",
    ),
    (
        "tag empty",
        "register.add_stage(g, x, outputs_count=1, tag='')",
        "Parameter 'tag' should not be empty str",
    ),
    (
        "diff count",
        "(register.add_stage(g, x, outputs_count=1), register.add_stage(g, x, outputs_count=2))",
        "Stage function 'sv.g' outputs count 2 not match last registered count 1, method name 'f'",
    ),
    (
        "batch mix",
        "(register.add_stage(g, x, outputs_count=1), register.add_stage(g, x, outputs_count=1, batch_size=1))",
        "Failed to add stage function sv.g: parameter 'batch_size' in multiple 'add_stage' should be enabled or disabled consistently",
    ),
    (
        "fake Model",
        "register.add_stage(register.Model('zz'), x, outputs_count=1)",
        f"{STAGE}, and ensure that interface 'declare_model' can take effect when importing servable_config.py by the serving server",
    ),
    (
        "model counts",
        "(register.add_stage(m, x, outputs_count=1), register.add_stage(m, x, y, outputs_count=1))",
        "Raise failed: RegisterInputOutputInfo failed, inputs count 2 not match old count 1, model: a.mindir",
    ),
    (
        "model outputs",
        "(register.add_stage(m, x, outputs_count=1), register.add_stage(m, x, outputs_count=3))",
        "Raise failed: RegisterInputOutputInfo failed, outputs count 3 not match old count 1, model: a.mindir",
    ),
    (
        "another method's",
        "register.add_stage(g, kept[0], outputs_count=1)",
        "Each value of parameter *args is a placeholder for data and must come from the method inputs or the outputs of add_stage",
    ),
]
STAGES = f"""
def g(x): return x
def h(x, y): return x
class G:
    def __call__(self, x): return x
G.__module__ = "builtins"
m = {DECLARE}
kept = []
@register.register_method("y")
def first(x):
    kept.append(x)
    return x
@register.register_method("y")
def f(x, y): return %s
"""


def run(config):
    registry = _registry.begin("sv")
    exec(
        textwrap.dedent(config),
        {"register": register, "distributed": distributed, "__name__": "sv.servable_config"},
    )
    return registry


class ErrorsTest(unittest.TestCase):
    def check(self, name, config, text):
        kind, _, rest = text.partition(": ")
        wanted = {"TypeError": TypeError, "NotImplementedError": NotImplementedError}.get(kind)
        with self.subTest(name), self.assertRaises(wanted or RuntimeError) as raised:
            run(config)
        self.assertEqual(str(raised.exception), rest if wanted else text)
        self.assertTrue(issubclass(wanted or RuntimeError, (RuntimeError, TypeError)))

    def test_declarations(self):
        for case in ERRORS:
            self.check(*case)

    def test_stages(self):
        for name, expression, text in STAGE_ERRORS:
            self.check(name, STAGES % expression, text)


class DescriptionTest(unittest.TestCase):
    def describe(self, config):
        return run(config).describe("/servables/sv", 3)

    def method(self, body, names='"y"'):
        config = (
            STAGES.split("@register")[0] + f"@register.register_method({names})\ndef f(x, y):\n"
        )
        return self.describe(config + textwrap.indent(textwrap.dedent(body), "    "))["methods"][0]

    def test_models(self):
        description = self.describe(
            """
            context = register.Context(thread_num=2, thread_affinity_core_list=(0, 1), enable_parallel=True)
            context.append_device_info(register.CPUDeviceInfo(precision_mode="fp16"))
            context.append_device_info(register.GPUDeviceInfo())
            context.append_device_info(register.AscendDeviceInfo(input_format="NCHW"))
            register.declare_model(["a", "b"], "mindir_lite", context=context, config_file="c.ini")
            register.declare_model("c", "om", with_batch_dim=False, without_batch_dim_inputs=[1, 2], config_file="/d.ini")
            """
        )
        self.assertEqual(
            {k: description[k] for k in ("servable", "version", "python", "methods")},
            {"servable": "sv", "version": 3, "python": False, "methods": []},
        )
        first, second = description["models"]
        self.assertEqual(
            first,
            {
                "key": "a;b",
                "files": ["a", "b"],
                "format": "MindIR_Lite",
                "with_batch_dim": True,
                "without_batch_dim_inputs": [],
                "config_file": "/servables/sv/c.ini",
                "context": {
                    "thread_num": 2,
                    "thread_affinity_core_list": [0, 1],
                    "enable_parallel": 1,
                    "devices": [
                        {"device_type": "cpu", "precision_mode": "fp16"},
                        {"device_type": "gpu"},
                        {"device_type": "ascend", "input_format": "NCHW"},
                    ],
                },
            },
        )
        self.assertEqual(
            (second["format"], second["without_batch_dim_inputs"], second["config_file"]),
            ("OM", [1, 2], "/d.ini"),
        )

    def test_input_0_can_be_without_a_batch_axis(self):
        for index in ("0", "(0,)", "[0]"):
            models = self.describe(
                f'register.declare_model("a", "mindir", without_batch_dim_inputs={index})'
            )["models"]
            self.assertEqual(models[0]["without_batch_dim_inputs"], [0])

    def test_contexts_print_as_they_did(self):
        self.assertEqual(
            str(
                register.Context(
                    thread_num=2, thread_affinity_core_list=[0, 1], enable_parallel=True
                )
            ),
            "thread_num: 2, thread_affinity_core_list: [0, 1], enable_parallel: 1, device_list, []",
        )
        context = register.Context()
        context.append_device_info(register.CPUDeviceInfo(precision_mode="fp16"))
        self.assertEqual(
            str(context),
            "thread_num: -1, thread_affinity_core_list: [], enable_parallel: -1, device_list, [{'device_type': 'cpu', 'precision_mode': 'fp16'}]",
        )

    def test_stages_and_results(self):
        method = self.method(
            """
            a, b = register.add_stage(h, x, y, outputs_count=2)
            c = register.add_stage(m, a, outputs_count=1, tag="Net")
            d = register.add_stage("argmax_cpp", c, outputs_count=1)
            for _ in range(2):
                d = register.add_stage(g, d, outputs_count=1, batch_size=0)
            return d, b, x
            """,
            '["y", "b", "x"], max_queue_delay_us=500, max_queue_size=8, timeout_us=9',
        )
        self.assertEqual(
            method,
            {
                "name": "f",
                "inputs": ["x", "y"],
                "outputs": ["y", "b", "x"],
                "results": [[5, 0], [1, 1], [0, 0]],
                "stages": [
                    {
                        "type": "python",
                        "name": "sv.h",
                        "batch_size": None,
                        "inputs": [[0, 0], [0, 1]],
                        "outputs_count": 2,
                        "tag": "Function 'sv.h'",
                    },
                    {
                        "type": "model",
                        "model": "a.mindir",
                        "subgraph": 0,
                        "inputs": [[1, 0]],
                        "outputs_count": 1,
                        "tag": "Net",
                    },
                    {
                        "type": "builtin",
                        "name": "argmax_cpp",
                        "inputs": [[2, 0]],
                        "outputs_count": 1,
                        "tag": "Function 'argmax_cpp'",
                    },
                    {
                        "type": "python",
                        "name": "sv.g",
                        "batch_size": 0,
                        "inputs": [[3, 0]],
                        "outputs_count": 1,
                        "tag": "Function 'sv.g'",
                    },
                    {
                        "type": "python",
                        "name": "sv.g",
                        "batch_size": 0,
                        "inputs": [[4, 0]],
                        "outputs_count": 1,
                        "tag": "Function 'sv.g'",
                    },
                ],
                "options": {"max_queue_delay_us": 500, "max_queue_size": 8, "timeout_us": 9},
            },
        )

    def test_methods_without_stages_and_lambdas(self):
        self.assertEqual(self.method("return x")["results"], [[0, 0]])
        method = self.method("return register.add_stage(lambda a, b=2: a, x, outputs_count=1)")
        self.assertEqual(method["stages"][0]["name"], "sv.<lambda>")

    def test_two_functions_of_one_name(self):
        registry = run(
            """
            def make(k):
                def g(*x): return k
                return g
            one, two = make(1), make(2)
            @register.register_method(["a", "b"])
            def f(x, y):
                return register.add_stage(one, x, outputs_count=1), register.add_stage(two, x, y, outputs_count=1, batch_size=2)
            """
        )
        stages = registry.methods["f"].stages
        self.assertEqual([s.function(0) for s in stages], [1, 2])


class DeprecatedTest(unittest.TestCase):
    """The old names, with the warning that they write."""

    def test_calls_map_to_stages(self):
        registry = _registry.begin("sv")
        with self.assert_logged("'declare_servable' is deprecated from version 1.5.0"):
            register.declare_servable("a.mindir", "MindIR", False)

        def pre(x):
            return x, x

        def post(x):
            return x

        def split(x):
            return x

        with self.assert_logged(
            "'call_servable' is deprecated from version 1.5.0 and will be removed in a future version, use "
            "'mindspore_serving.server.register.add_stage' instead."
        ):

            @register.register_method(["y", "z"])
            def f(x):
                a, b = register.call_preprocess(pre, x)
                z = register.call_postprocess_pipeline(post, register.call_servable(a, b))
                return register.call_preprocess_pipeline(split, z)

        stages = registry.methods["f"].stages
        self.assertEqual([s.kind for s in stages], ["python", "model", "python", "python"])
        self.assertEqual([s.outputs_count for s in stages], [2, 1, 1, 2])
        self.assertEqual([s.batch_size for s in stages], [None, None, 0, 0])

    def test_loops_are_refused(self):
        _registry.begin("sv")

        def pre(x):
            return x

        with self.assertRaisesRegex(
            RuntimeError, "Method 'f' has a For, which cannot stand beside call_servable"
        ):

            @register.register_method("y")
            def f(x):
                for _ in range(2):
                    x = register.call_preprocess(pre, x)
                return x

    def test_options_become_device_infos(self):
        registry = _registry.begin("sv")
        with self.assert_logged(
            "use 'mindspore_serving.server.register.AscendDeviceInfo' instead."
        ):
            options = register.AclOptions(input_format="NCHW")
        register.declare_model("a", "OM", options=options)
        with self.assert_logged("'GpuOptions' is deprecated from version 1.6.0"):
            register.declare_model(
                "b", "MindIR", options=register.GpuOptions(precision_mode="fp16")
            )
        devices = [m.context.device_list for m in registry.models.values()]
        self.assertEqual(
            devices,
            [
                [{"device_type": "ascend", "input_format": "NCHW"}],
                [{"device_type": "gpu", "precision_mode": "fp16"}],
            ],
        )

    def assert_logged(self, text):
        import contextlib
        import io
        from unittest import mock

        from mindspore_serving import log

        @contextlib.contextmanager
        def capture():
            stream = io.StringIO()
            with mock.patch.object(log, "_logger", None), mock.patch("sys.stderr", stream):
                yield
            self.assertIn(text, stream.getvalue())
            self.assertRegex(
                stream.getvalue(),
                r"^\[WARNING\] SERVING\(\d+:\d+,MainProcess\):\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} \[",
            )

        return capture()


if __name__ == "__main__":
    unittest.main()
