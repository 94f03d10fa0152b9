"""Runs an encrypted MindIR model; the key comes from a file.

encrypted_py [DIRECTORY]   DIRECTORY holds digits_encrypted.mindir, key.txt and digits.bin (default:
the data of this sample)
"""

import pathlib
import sys

import mindspore_lite as mslite
import numpy as np


def build(path, key):
    model = mslite.Model()
    model.build_from_file(path, mslite.ModelType.MINDIR, dec_key=key, dec_mode="AES-GCM")
    return model


def show_refusal(path, key, what):
    """Tells that a model without its key is of no use."""
    try:
        build(path, key)
        print(f"{what}: loaded")
    except RuntimeError:
        print(f"{what}: refused")


def main(directory="samples/encrypted/data"):
    directory = pathlib.Path(directory)
    path = directory / "digits_encrypted.mindir"
    key = bytes.fromhex((directory / "key.txt").read_text().strip())
    show_refusal(path, None, "without a key")
    show_refusal(path, bytes([key[0] ^ 1]) + key[1:], "with another key")
    model = build(path, key)
    (pixels,) = model.get_inputs()
    records = np.fromfile(directory / "digits.bin", np.uint8).reshape(-1, 65)
    for label, *image in records.tolist():
        pixels.set_data_from_numpy((np.array(image) / 255).astype(np.float32))
        (output,) = model.predict([pixels])
        print(f"{label} read as {output.get_data_to_numpy().argmax()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
