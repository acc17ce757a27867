"""Negative log-likelihood in nats a point, and the shares of it: the offset, the pen, the end of the ink."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.distributed.collectives import all_sum

NAMES = ("offset", "pen", "end")


class PointLikelihood:
    """Sums over all points of a stage in double precision, so that the means do not depend on the batches.

    Args:
        names: of the parts of a point's likelihood.
    """

    def __init__(self, names: Sequence[str] = NAMES) -> None:
        self.names = names
        self.reset()

    def reset(self) -> None:
        """Forget all points."""
        self._sums = torch.zeros(len(self.names) + 1, dtype=torch.float64)

    def update(self, parts: Float[Tensor, "T B parts"], mask: Bool[Tensor, "T B"] | None) -> None:
        """Add the points where `mask` is true.

        Args:
            parts: -ln p of each part of each point.
            mask: None for all points.
        """
        chosen = (parts.flatten(0, 1) if mask is None else parts[mask]).detach().double()
        sums = torch.cat((chosen.sum(0), chosen.new_tensor([len(chosen)])))
        self._sums = self._sums.to(sums.device) + sums

    def compute(self) -> dict[str, float]:
        """`nll`, the mean over the points of all ranks, and `nll_<part>`, which add up to it; then forget them."""
        *sums, count = all_sum(self._sums).tolist()
        self.reset()
        means = [one / count if count else float("nan") for one in sums]
        return {"nll": sum(means)} | {
            f"nll_{name}": mean for name, mean in zip(self.names, means, strict=True)
        }
