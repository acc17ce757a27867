"""Variational dropout: the same mask at every time step."""

from jaxtyping import Float
from torch import Tensor, nn

from throughtime.errors import check_fraction


class VariationalDropout(nn.Module):
    """Drop the same features of a lane at every step of a run (Gal & Ghahramani 2016, arXiv 1512.05287).

    The mask `[1, B, H]` is drawn anew for every run: for every chunk, where training is truncated. Nothing is
    drawn in evaluation or at probability 0.

    Args:
        probability: the fraction of features that are dropped in training.

    Raises:
        UserError: the probability is no fraction.
    """

    def __init__(self, probability: float) -> None:
        check_fraction(dropout=probability)
        super().__init__()
        self.probability = probability

    def forward(self, sequence: Float[Tensor, "*T B H"]) -> Float[Tensor, "*T B H"]:
        if not self.training or self.probability == 0:
            return sequence
        kept = 1 - self.probability
        return sequence * sequence.new_empty(sequence.shape[-2:]).bernoulli_(kept).div_(kept)
