"""Labelled sequences that are made in memory, for tests of what all modalities share."""

import numpy as np

from throughtime.data.labelled.sequences import SequenceSet, SequenceSource


def toy_set(count=60, classes=3, features=2, seed=0, **changes):
    """Random sequences of 1 to 9 steps; the class is the number modulo the number of classes."""
    generator = np.random.default_rng(seed)
    given = {
        "sequences": [
            generator.normal(size=(int(generator.integers(1, 10)), features)).astype(np.float32)
            for _ in range(count)
        ],
        "labels": [f"c{number % classes}" for number in range(count)],
        "names": [f"file:{number + 1}" for number in range(count)],
        "channels": tuple(f"x{channel}" for channel in range(features)),
        "description": "toy sequences",
    }
    return SequenceSet(**(given | changes))


class ToySource(SequenceSource):
    """The set that it was given."""

    def __init__(self, found=None):
        self.found = found or toy_set()

    def shipped(self):
        return self.found

    def read(self, path):
        return self.found

    def read_for_prediction(self, paths):
        return self.found.without_labels()

    def state(self):
        return {}
