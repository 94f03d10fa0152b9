"""Models of tests/models, with their inputs and expected outputs."""

import json
import pathlib

import mindspore_lite as mslite
import numpy as np

MODELS = pathlib.Path("tests/models")
MINDIR = MODELS / "mindir"
MANIFEST = {entry["name"]: entry for entry in json.loads((MODELS / "manifest.json").read_text())}


KEYS = {name: entry["key"].encode() if entry["key"] else None for name, entry in MANIFEST.items()}


def path(name):
    return str(MINDIR / f"{name}.mindir")


def build(name, threads=1, **kwargs):
    context = mslite.Context()
    context.cpu.thread_num = threads
    model = mslite.Model()
    model.build_from_file(path(name), mslite.ModelType.MINDIR, context, **kwargs)
    return model


def arrays(name):
    """Inputs and expected outputs."""
    with np.load(MODELS / MANIFEST[name]["npz"]) as npz:
        return tuple(
            [npz[f"{kind}_{i}"] for i in range(sum(k.startswith(f"{kind}_") for k in npz.files))]
            for kind in ("in", "out")
        )


def values(outputs):
    return [o.get_data_to_numpy() for o in outputs]
