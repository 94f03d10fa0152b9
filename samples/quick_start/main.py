"""Classifies PNG images of handwritten digits with a MindIR model.

quick_start_py [DIRECTORY]   DIRECTORY holds digits.mindir and images/ (default: the data of this
sample)
"""

import pathlib
import struct
import sys
import zlib

import mindspore_lite as mslite
import numpy as np

SIDE = 8


def read_image(path):
    """An 8 x 8 image of 8-bit grey as values in 0..1."""
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">IIBBBBB", data[16:29]) != (
        (SIDE, SIDE, 8, 0, 0, 0, 0)
    ):
        raise ValueError(f"{path} is no {SIDE} x {SIDE} grey PNG")
    packed, at = b"", 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IDAT":
            packed += data[at + 8 : at + 8 + size]
        at += size + 12
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(SIDE, SIDE + 1)
    pixels = np.zeros((SIDE + 1, SIDE + 1), int)  # with a row above and a column left of zeros
    for y, (kind, *line) in enumerate(rows.tolist(), 1):
        for x, value in enumerate(line, 1):
            left, above, corner = pixels[y, x - 1], pixels[y - 1, x], pixels[y - 1, x - 1]
            nearest = min((left, above, corner), key=lambda p: abs(left + above - corner - p))
            predicted = (0, left, above, (left + above) // 2, nearest)[kind]
            pixels[y, x] = (value + predicted) % 256
    return (pixels[1:, 1:] / 255).astype(np.float32)


def main(directory="samples/quick_start/data"):
    directory = pathlib.Path(directory)
    # [START run]
    model = mslite.Model()
    model.build_from_file(directory / "digits.mindir", mslite.ModelType.MINDIR)
    (pixels,) = model.get_inputs()
    for path in sorted((directory / "images").glob("*.png")):
        pixels.set_data_from_numpy(read_image(path))
        (output,) = model.predict([pixels])
        logits = output.get_data_to_numpy()[0]
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        print(f"{path.name}  {probabilities.argmax()}  {probabilities.max():.2f}")
    # [END run]


if __name__ == "__main__":
    main(*sys.argv[1:])
