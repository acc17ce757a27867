"""Framing of a series: which of its values a step of a sequence holds."""

import numpy as np
from jaxtyping import Float

from throughtime.errors import UserError, check_positive


class Framing:
    """Overlapping frames of a series [n, C]: step t of the sequence [T, F] holds the values t·hop … t·hop + size - 1.

    T = max(1, ⌈(n - size) / hop⌉ + 1); the last frame is filled up with the last value. F = size · C, or twice as many
    with first differences beside the values (0 at the first).

    Args:
        size: values of a channel in a frame.
        hop: from one frame to the next; at most `size`, so that no value is left out.
        differences: whether x_t - x_{t-1} stands beside x_t.
    """

    def __init__(self, size: int = 1, hop: int = 1, differences: bool = False) -> None:
        check_positive(**{"data.source.frame": size, "data.source.hop": hop})
        if hop > size:
            raise UserError(
                f"data.source.hop={hop} is above data.source.frame={size}, so values between the frames would be lost; "
                "give a hop of at most the frame"
            )
        self.size = size
        self.hop = hop
        self.differences = differences

    def channels(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of the F features, for the names of C channels."""
        if self.differences:
            names = (*names, *(f"difference of {name}" for name in names))
        if self.size == 1:
            return names
        return tuple(f"{name} + {offset}" for offset in range(self.size) for name in names)

    def sequence(self, series: Float[np.ndarray, "n C"]) -> Float[np.ndarray, "T F"]:
        """The sequence of a series, float32."""
        if self.differences:
            series = np.concatenate([series, np.diff(series, axis=0, prepend=series[:1])], axis=1)
        if self.size == 1:
            return series.astype(np.float32)
        steps = max(1, -(-(len(series) - self.size) // self.hop) + 1)
        places = np.arange(steps)[:, None] * self.hop + np.arange(self.size)
        frames = series[np.minimum(places, len(series) - 1)]
        return frames.reshape(steps, -1).astype(np.float32)

    def series(self, sequence: Float[np.ndarray, "T F"]) -> Float[np.ndarray, "n C"]:
        """The inverse of `sequence`, with what filled up the last frame."""
        frames = sequence.reshape(len(sequence), self.size, -1)
        if self.differences:
            frames = frames[..., : frames.shape[-1] // 2]
        found = np.empty(((len(frames) - 1) * self.hop + self.size, frames.shape[-1]), sequence.dtype)
        for number, frame in enumerate(frames):
            found[number * self.hop : number * self.hop + self.size] = frame
        return found
