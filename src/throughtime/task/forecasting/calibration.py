"""Conformal calibration of quantile forecasts on the validation part."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from throughtime.distributed.collectives import all_gather
from throughtime.errors import check_positive
from throughtime.task.forecasting.adaptation import Adaptation, Key


class Calibration(nn.Module):
    """Widen or narrow each pair of quantiles a and 1-a, separately for each step ahead.

    The score of a value y is E = max(q_a - y, y - q_{1-a}); the pair is widened by the ⌈(n+1)(1-2a)⌉-th smallest of the
    n scores, or by the largest where n is too small. The coverage is guaranteed for exchangeable data, which series are
    only approximately: with a rate, the offsets go on from there by what becomes known (`Adaptation`), in steps of
    `rate` times the mean absolute error of the median. Scores are in relative units, so that series of all sizes are
    pooled. Source: Y. Romano, E. Patterson & E. Candès (2019), Conformalized quantile regression, arXiv 1905.03222.

    Args:
        levels: symmetric about 0.5, increasing.
        horizon: S.
        rate: of the adaptation; 0 for none.

    Attributes:
        offsets: by how much each lower level is lowered and its partner raised, `[pairs, S]`; 0 before `fit`.
        errors: with a rate, the mean absolute error of the median, `[S]`; 0 before `fit`.
    """

    def __init__(self, levels: tuple[float, ...], horizon: int, rate: float = 0.0) -> None:
        if rate != 0:
            check_positive(**{"task.adaptation_rate": rate})
        super().__init__()
        self.rate = rate
        self.lower = [level for level in levels if level < 0.5]
        self.register_buffer("offsets", torch.zeros(len(self.lower), horizon))
        if rate:
            self.register_buffer("errors", torch.zeros(horizon))
        self._scores: list[Tensor] = []
        self._errors: list[Tensor] = []

    def observe(
        self,
        quantiles: Float[Tensor, "Q S B C"],
        targets: Float[Tensor, "S B C"],
        mask: Bool[Tensor, "S B C"] | None = None,
    ) -> None:
        """Add the scores of validation forecasts."""
        scores = self.scores(quantiles, targets)
        if mask is not None:
            scores = scores.masked_fill(~mask, math.inf)
        self._scores.append(scores.flatten(2).cpu())
        if self.rate:
            errors = (quantiles[len(quantiles) // 2] - targets).abs()
            errors = errors if mask is None else errors.masked_fill(~mask, math.nan)
            self._errors.append(errors.flatten(1).cpu())

    def scores(
        self, quantiles: Float[Tensor, "Q S B C"], targets: Float[Tensor, "S B C"]
    ) -> Float[Tensor, "pairs S B C"]:
        """E of each pair: by how much a value is outside of it, or within it where E < 0."""
        pairs = len(self.lower)
        return torch.maximum(quantiles[:pairs] - targets, targets - quantiles.flip(0)[:pairs])

    def forget(self) -> None:
        """Drop the scores observed so far."""
        self._scores.clear()
        self._errors.clear()

    def fit(self) -> None:
        """Set the offsets by the observed scores; a step ahead without any keeps its own."""
        observed = [scores for part in all_gather(self._scores) for scores in part]
        if not observed:
            return
        scores = torch.cat(observed, dim=-1).sort(dim=-1).values
        if self.rate:
            errors = torch.cat([errors for part in all_gather(self._errors) for errors in part], dim=-1)
            mean = errors.nanmean(-1)
            self.errors.copy_(torch.where(mean.isnan(), self.errors.cpu(), mean))
        self.forget()
        counts = scores.isfinite().sum(-1)
        offsets = self.offsets.cpu().clone()
        for pair, level in enumerate(self.lower):
            for step, count in enumerate(counts[pair].tolist()):
                if count:
                    rank = min(math.ceil((count + 1) * (1 - 2 * level) - 1e-9), count)
                    offsets[pair, step] = scores[pair, step, rank - 1]
        self.offsets.copy_(offsets)

    def adaptation(self, kept: Iterable[Key] = ()) -> Adaptation | None:
        """A new adaptation that begins with the fitted offsets; None without a rate.

        Args:
            kept: the forecasts whose offsets it keeps.
        """
        return Adaptation(self.lower, self.offsets, self.rate * self.errors, kept) if self.rate else None

    def forward(
        self, quantiles: Float[Tensor, "Q S B C"], adapted: Float[Tensor, "pairs S B C"] | None = None
    ) -> Float[Tensor, "Q S B C"]:
        """The calibrated quantiles, sorted again where a pair was narrowed past the next.

        Args:
            quantiles: of the model.
            adapted: offsets of each lane, in place of those that were fitted.
        """
        pairs, steps = len(self.lower), quantiles.shape[1]
        offsets = self.offsets[..., None, None] if adapted is None else adapted
        offsets = offsets[:, :steps]
        if steps > offsets.shape[1]:  # beyond the horizon that was calibrated its last step is the best guess
            offsets = torch.cat(
                [offsets, offsets[:, -1:].expand(-1, steps - offsets.shape[1], -1, -1)], dim=1
            )
        middle = quantiles[pairs : len(quantiles) - pairs]
        upper = quantiles[len(quantiles) - pairs :] + offsets.flip(0)
        return torch.cat([quantiles[:pairs] - offsets, middle, upper]).sort(dim=0).values
