"""Standardisation of features: z = (x - mean) / deviation, over training, each sequence, or each group of sequences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from throughtime.errors import check_choice

KINDS = ("channel", "sequence", "none")

KINDS_WITH_GROUPS = (*KINDS, "group")
"""The kinds for data whose sequences have groups."""


class Standardiser:
    """z = (x - location) / scale for each of F channels; a scale of 0 (a constant) counts as 1.

    `channel` takes the mean and the deviation over all steps of the training sequences, `sequence` those over the steps
    of each sequence alone, `none` leaves the features. `group` takes those over all steps of the sequences of a group,
    such as a speaker (as Kaldi normalises cepstra), from `of_groups`: no label is read, but other sequences are. Ids
    stay ids.

    Args:
        kind: one of `KINDS_WITH_GROUPS`.
        location, scale: `[F]`; None but for `channel`.
    """

    def __init__(
        self,
        kind: str,
        location: Float[np.ndarray, " F"] | None = None,
        scale: Float[np.ndarray, " F"] | None = None,
    ) -> None:
        check_choice(KINDS_WITH_GROUPS, **{"data.standardise": kind})
        self.kind = kind
        self.location = location
        self.scale = scale

    @classmethod
    def fit(cls, kind: str, sequences: Sequence[np.ndarray]) -> "Standardiser":
        """The standardiser of training sequences."""
        check_choice(KINDS_WITH_GROUPS, **{"data.standardise": kind})
        if kind != "channel" or sequences[0].ndim == 1:
            return cls(kind)
        count = sum(len(sequence) for sequence in sequences)
        location = sum(sequence.sum(0, dtype=np.float64) for sequence in sequences) / count
        squares = sum(((sequence - location) ** 2).sum(0) for sequence in sequences)
        return cls(kind, location, _nonzero(np.sqrt(squares / count), location))

    def of_groups(
        self, sequences: Sequence[np.ndarray], groups: Sequence[str] | None = None
    ) -> list["Standardiser"]:
        """The standardiser of each sequence: of `group` that of its group in these sequences, else this one.

        Args:
            sequences: all that there are of each group.
            groups: of each sequence; None where all are of one.
        """
        if self.kind != "group":
            return [self] * len(sequences)
        names = ["" for _ in sequences] if groups is None else groups
        members: dict[str, list[np.ndarray]] = {}
        for name, sequence in zip(names, sequences, strict=True):
            members.setdefault(name, []).append(sequence)
        fitted = {name: self.fit("channel", own) for name, own in members.items()}
        return [fitted[name] for name in names]

    def standardised(
        self, sequences: Sequence[np.ndarray], groups: Sequence[str] | None = None
    ) -> list[np.ndarray]:
        """A standardised copy of each sequence, by its standardiser of `of_groups`."""
        return [
            own(sequence) for own, sequence in zip(self.of_groups(sequences, groups), sequences, strict=True)
        ]

    def __call__(self, sequence: np.ndarray) -> np.ndarray:
        """A standardised copy, float32; ids as int64."""
        if self.kind == "group":
            raise ValueError("a group's own standardiser is that of `of_groups`")
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
