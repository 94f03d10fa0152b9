"""Reads film reviews, sentences of any length, with a MindIR model of token ids.

text_py [DIRECTORY]   DIRECTORY holds reviews.mindir, vocabulary.txt and reviews.txt (default: the
data of this sample)
"""

import pathlib
import sys

import mindspore_lite as mslite
import numpy as np


def main(directory="samples/text/data"):
    directory = pathlib.Path(directory)
    vocabulary = {}
    for word in (directory / "vocabulary.txt").read_text().split():
        vocabulary.setdefault(word, len(vocabulary))
    model = mslite.Model()
    model.build_from_file(directory / "reviews.mindir", mslite.ModelType.MINDIR)
    for line in (directory / "reviews.txt").read_text().splitlines():
        words = line.split()
        ids = np.array([[vocabulary.get(word, 0) for word in words]], np.int64)
        # A run takes the shape that its input has: no resize.
        probabilities, weights = (out.get_data_to_numpy() for out in model.predict([ids]))
        positive = int(probabilities[0, 1] > probabilities[0, 0])
        heaviest = weights[0].argmax()
        print(
            f"{list(ids.shape)} -> {list(weights.shape)}  {('negative', 'positive')[positive]} "
            f"{probabilities[0, positive]:.2f}  {words[heaviest]} {weights[0, heaviest]:.2f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
