"""trained.py LIBRARY_FOLDER PACKAGES_FOLDER [--only PARTS]

Trained networks from PyPI packages (magika: file types, silero-vad: speech, rapidocr: text in images), converted and run on real
input beside ONNX Runtime. Every output must agree within 1e-4 of its spread, and the answers must make sense.
"""
import argparse
import os
import pathlib
import sys
import tempfile

import numpy as np
import onnxruntime

import mirin_c

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = 1e-4


class Pair:
    """One network in both runtimes."""

    def __init__(self, mirin, path, folder):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.mirin = mirin
        self.reference = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.model = mirin.convert(fmk="ONNX", modelFile=path, outputFile=os.path.join(folder, path.stem))
        self.worst = 0.0

    def run(self, *inputs):
        """The outputs; what differs from ONNX Runtime raises."""
        names = [i.name for i in self.reference.get_inputs()]
        want = self.reference.run(None, dict(zip(names, inputs)))
        got = self.mirin.run(self.model, inputs)
        for name, g, w in zip((o.name for o in self.reference.get_outputs()), got, want):
            if g.shape != w.shape or g.dtype != w.dtype:
                raise AssertionError(f"{name}: {g.dtype}{list(g.shape)} instead of {w.dtype}{list(w.shape)}")
            spread = float(w.max() - w.min()) or 1.0
            error = float(np.abs(g.astype(np.float64) - w).max()) / spread
            self.worst = max(self.worst, error)
            if not error <= TOLERANCE:
                raise AssertionError(f"{name}: differs by {error:.2g} of its spread")
        return got


def magika(network, _data):
    """The first and last 1024 bytes of a file, without white space around, padded with 256."""
    rows = []
    for path in [HERE / "trained.py", HERE / "mirin_c.py", HERE / "data" / "real_inputs.npz"]:
        content = path.read_bytes()
        row = np.full(2048, 256, np.int32)
        begin, end = content[:4096].lstrip()[:1024], content[-4096:].rstrip()[-1024:]
        row[:len(begin)] = np.frombuffer(begin, np.uint8)
        row[2048 - len(end):] = np.frombuffer(end, np.uint8)
        rows.append(row)
    labels = network.run(np.stack(rows))[0]
    assert labels[0].argmax() == labels[1].argmax() != labels[2].argmax(), "two Python files and an archive"


def silero(network, data):
    """Windows of 512 samples with the 64 before them; the state goes along."""
    speech = data["speech"].astype(np.float32) / 32768
    state, context, probabilities = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
    has_rate = len(network.reference.get_inputs()) == 3
    order = [i.name for i in network.reference.get_inputs()]
    for at in range(0, len(speech) - 512, 512):
        window = np.concatenate([context, speech[at:at + 512]])[None]
        named = {"input": window, "state": state, "sr": np.array(16000, np.int64)}
        probability, state = network.run(*[named[n] for n in order if n != "sr" or has_rate])
        probabilities.append(float(probability[0, 0]))
        context = window[0, -64:]
    assert max(probabilities) > 0.5 > min(probabilities), "speech with silence around it"


def silero_sequence(network, data):
    speech = data["speech"].astype(np.float32) / 32768
    windows = np.stack([speech[at:at + 576] for at in range(0, len(speech) - 576, 512)])
    network.run(windows, np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32))


def image(gray, size, mean, std):
    height, width = size
    out = np.full((height, width), 255, np.float32)
    h, w = min(height, gray.shape[0]), min(width, gray.shape[1])
    out[:h, :w] = gray[:h, :w]
    return np.repeat(((out / 255 - mean) / std)[None, None], 3, axis=1).astype(np.float32)


def detection(network, data):
    for size in [(192, 320), (224, 352)]:
        found = network.run(image(data["text_page"], size, 0.45, 0.225))[0]
        assert found.max() > 0.5, "there is text"


def recognition(network, data):
    for width in [320, 240]:
        network.run(image(data["text_line"], (48, width), 0.5, 0.5))


def orientation(network, data):
    network.run(image(data["text_line"], (48, 192), 0.5, 0.5))


NETWORKS = [
    ("magika/models/standard_v3_3/model.onnx", magika),
    ("silero_vad/data/silero_vad.onnx", silero),
    ("silero_vad/data/silero_vad_16k_op15.onnx", silero),
    ("silero_vad/data/silero_vad_op18_ifless.onnx", silero),
    ("silero_vad/data/silero_vad_openvino_16k.onnx", silero),
    ("silero_vad/data/silero_vad_half.onnx", silero),
    ("silero_vad/data/silero_vad_16k_sequence.onnx", silero_sequence),
    ("rapidocr/models/PP-OCRv6_det_small.onnx", detection),
    ("rapidocr/models/PP-OCRv6_rec_small.onnx", recognition),
    ("rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx", orientation),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries")
    parser.add_argument("packages")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    packages = pathlib.Path(args.packages)
    if (packages / "MISSING").exists():
        print("skipped: the packages could not be fetched: " + (packages / "MISSING").read_text(encoding="utf-8"))
        return
    mirin, failed = mirin_c.Mirin(args.libraries), 0
    data = np.load(HERE / "data" / "real_inputs.npz")
    with tempfile.TemporaryDirectory() as folder:
        for path, use in NETWORKS:
            if not any(part in path for part in args.only.split(",")):
                continue
            try:
                network = Pair(mirin, packages / path, folder)
                use(network, data)
                print(f"{path}: ok, at most {network.worst:.1e} of the spread", flush=True)
            except (AssertionError, mirin_c.MirinError) as e:
                failed += 1
                print(f"{path}: FAILED: {e}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
