"""Standardisation of features: z = (x - mean) / deviation, of a channel over training or of each sequence."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from throughtime.errors import check_choice

KINDS = ("channel", "sequence", "none")


class Standardiser:
    """z = (x - location) / scale for each of F channels; a scale of 0 (a constant) counts as 1.

    `channel` takes the mean and the deviation over all steps of the training sequences, `sequence` those over the steps
    of each sequence alone, `none` leaves the features. Ids stay ids.

    Args:
        kind: one of `KINDS`.
        location, scale: `[F]`; None but for `channel`.
    """

    def __init__(
        self,
        kind: str,
        location: Float[np.ndarray, " F"] | None = None,
        scale: Float[np.ndarray, " F"] | None = None,
    ) -> None:
        check_choice(KINDS, **{"data.standardise": kind})
        self.kind = kind
        self.location = location
        self.scale = scale

    @classmethod
    def fit(cls, kind: str, sequences: Sequence[np.ndarray]) -> "Standardiser":
        """The standardiser of training sequences."""
        check_choice(KINDS, **{"data.standardise": kind})
        if kind != "channel" or sequences[0].ndim == 1:
            return cls(kind)
        count = sum(len(sequence) for sequence in sequences)
        location = sum(sequence.sum(0, dtype=np.float64) for sequence in sequences) / count
        squares = sum(((sequence - location) ** 2).sum(0) for sequence in sequences)
        return cls(kind, location, _nonzero(np.sqrt(squares / count), location))

    def __call__(self, sequence: np.ndarray) -> np.ndarray:
        """A standardised copy, float32; ids as int64."""
        if sequence.ndim == 1:
            return sequence.astype(np.int64)
        location, scale = self.location, self.scale
        if self.kind == "sequence":
            location = sequence.mean(0, dtype=np.float64)
            scale = _nonzero(sequence.std(0, dtype=np.float64), location)
        if location is None:
            return sequence.astype(np.float32)
        return ((sequence - location) / scale).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """The kind, and the numbers as tensors, as a checkpoint holds them."""
        arrays = {"location": self.location, "scale": self.scale}
        return {"kind": self.kind} | {
            name: None if array is None else torch.from_numpy(array) for name, array in arrays.items()
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Standardiser":
        """The inverse of `state`."""
        arrays = (state["location"], state["scale"])
        return cls(state["kind"], *(None if array is None else array.cpu().numpy() for array in arrays))


def _nonzero(scale: np.ndarray, location: np.ndarray) -> np.ndarray:
    return np.where(scale > 1e-7 * np.maximum(np.abs(location), 1e-300), scale, 1.0)
