"""Online adaptation of conformal offsets to the forecasts whose outcomes are known by now."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.distributed.collectives import all_gather

Key = tuple[int, int]
"""A forecast by its series and its origin."""


class Adaptation:
    """Follow each series from origin to origin, so that in the long run an interval misses as often as it should.

    The offset q_s of a pair of quantiles a and 1-a, s steps ahead, is raised where the interval missed and lowered
    where it did not: q_s ← q_s + η_s (1{E > q} - 2a), for each forecast s steps ahead whose outcome has become known,
    with its score E and the offset q that it was given. A forecast from origin t uses outcomes before t alone. Source:
    A. N. Angelopoulos, E. J. Candès & R. J. Tibshirani (2023), Conformal PID control for time series prediction, arXiv
    2307.16895 (quantile tracking); after I. Gibbs & E. Candès (2021), arXiv 2106.00170.

    Args:
        levels: a of each pair.
        offsets: of the calibration, with which every series begins.
        steps: η_s, in relative units.
        kept: forecasts whose offsets are wanted later.

    Attributes:
        of: the offsets of the kept forecasts, `[pairs, S, C]`.
    """

    def __init__(
        self,
        levels: Sequence[float],
        offsets: Float[Tensor, "pairs S"],
        steps: Float[Tensor, " S"],
        kept: Iterable[Key] = (),
    ) -> None:
        self.rates = 2 * np.asarray(levels, dtype=np.float32)
        self.offsets = offsets.cpu().numpy()
        self.steps = steps.cpu().numpy()
        self.kept = set(kept)
        self.of: dict[Key, np.ndarray] = {}
        self._followed: dict[int, _Followed] = {}

    def follow(
        self,
        series: Int[Tensor, " B"],
        origins: Int[Tensor, " B"],
        scores: Float[Tensor, "pairs S B C"],
    ) -> Float[Tensor, "pairs S B C"]:
        """The offsets of these forecasts; all ranks follow the forecasts of all of them.

        A series begins anew where no forecast of it was in the call before, or where an origin is not after the last.

        Args:
            series, origins: of each lane.
            scores: NaN where an outcome is not known.
        """
        own = list(zip(series.tolist(), origins.tolist(), strict=True))
        lanes = scores.movedim(2, 0).float().cpu().numpy()
        found: dict[Key, np.ndarray] = {}
        for keys, values in all_gather((own, torch.from_numpy(lanes))):
            for key, value in zip(keys, values.numpy(), strict=True):
                found.setdefault(key, value)  # a rank without lanes repeats the first one, masked
        used, followed = {}, self._followed
        self._followed = {}
        for key in sorted(found):
            place, origin = key
            if place not in self._followed:
                self._followed[place] = followed.get(place) or self._begin(found[key])
            if origin <= self._followed[place].origin:
                self._followed[place] = self._begin(found[key])
            used[key] = self._followed[place].advance(origin, found[key])
            if key in self.kept:
                self.of[key] = used[key]
        chosen = torch.from_numpy(np.stack([used[key] for key in own]))
        return chosen.movedim(0, 2).to(scores.device)

    def _begin(self, scores: Float[np.ndarray, "pairs S C"]) -> "_Followed":
        return _Followed(self.rates, self.offsets, self.steps, scores.shape[-1])


class _Followed:
    """One series: its offsets, and the last S forecasts with the offsets that they were given.

    The forecast from origin t lies in row t mod S of the rings.
    """

    def __init__(
        self,
        rates: Float[np.ndarray, " pairs"],
        offsets: Float[np.ndarray, "pairs S"],
        steps: Float[np.ndarray, " S"],
        channels: int,
    ) -> None:
        self.rates, self.steps = rates, steps
        self.offsets = np.repeat(offsets[..., None], channels, axis=-1)
        horizon = len(steps)
        self.origin = -1
        self._origins = np.full(horizon, -1, dtype=np.int64)
        self._scores = np.full((horizon, *self.offsets.shape), np.nan, dtype=np.float32)
        self._given = np.zeros_like(self._scores)

    def advance(self, origin: int, scores: Float[np.ndarray, "pairs S C"]) -> Float[np.ndarray, "pairs S C"]:
        """The offsets of the forecast from this origin, whose scores are for later."""
        horizon = len(self.steps)
        if self.origin >= 0:
            for time in range(self.origin, min(origin, self.origin + horizon)):
                self._learn(time)
        self.origin = origin
        row = origin % horizon
        self._origins[row], self._scores[row], self._given[row] = origin, scores, self.offsets
        return self.offsets.copy()

    def _learn(self, time: int) -> None:
        """Take in the value at a time: the outcome, s steps ahead, of the forecast from origin time - s."""
        ahead = np.arange(len(self.steps))
        rows = (time - ahead) % len(self.steps)
        scores, given = self._scores[rows, :, ahead], self._given[rows, :, ahead]  # [S, pairs, C]
        known = (self._origins[rows] == time - ahead)[:, None, None] & ~np.isnan(scores)
        missed = (scores > given) - self.rates[:, None]
        change = np.where(known, self.steps[:, None, None] * missed, 0).astype(np.float32)
        self.offsets = self.offsets + change.transpose(1, 0, 2)
