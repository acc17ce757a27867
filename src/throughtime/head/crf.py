"""CRF head: a linear-chain conditional random field over tag sequences."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_fraction, check_positive
from throughtime.head.base import Head


class CRF(Head):
    """p(z_1 .. z_n | y) = exp s(z) / Σ_z' exp s(z'),

        s(z) = a[z_1] + Σ_t (W y_t + c)[z_t] + Σ_t A[z_{t-1}, z_t] + e[z_n]

    (Lafferty, McCallum & Pereira 2001; on a recurrent network Huang, Xu & Yu 2015, arXiv 1508.01991). The sum
    over all tag sequences z' is taken by the forward algorithm, in logarithms. K are the tags.

    Args:
        input_size: H, the features of one step.
        vocabulary_size: K.
        dropout: the fraction of features that are dropped in training.

    Attributes:
        weight, bias: W `[K, H]` and c `[K]`.
        transitions: A `[K, K]`, from a tag to the next.
        first, last: a and e, `[K]`.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(self, input_size: int, vocabulary_size: int, dropout: float = 0.0) -> None:
        check_positive(input_size=input_size, vocabulary_size=vocabulary_size)
        check_fraction(dropout=dropout)
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(vocabulary_size, input_size)))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.transitions = nn.Parameter(torch.zeros(vocabulary_size, vocabulary_size))
        self.first = nn.Parameter(torch.zeros(vocabulary_size))
        self.last = nn.Parameter(torch.zeros(vocabulary_size))

    def emissions(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T K"]:
        """The scores of each step's tag without its neighbours: W y + c."""
        return functional.linear(self.dropout(outputs), self.weight, self.bias)

    def loss(
        self,
        outputs: Float[Tensor, "T B H"],
        targets: Int[Tensor, "T B"],
        mask: Bool[Tensor, "T B"] | None = None,
    ) -> Float[Tensor, ""]:
        """-ln p(targets) in nats, added up over the lanes and divided by their true steps.

        `mask` is true up to each lane's end and false from there on; a lane may have no step.
        """
        if mask is None:
            mask = torch.ones_like(targets, dtype=torch.bool)
        emissions = self.emissions(outputs)
        total = self._score(emissions, targets, mask) - self.log_partition(emissions, mask)
        return -torch.where(mask.any(0), total, 0).sum() / mask.sum().clamp(min=1)

    def log_partition(
        self, emissions: Float[Tensor, "T B K"], mask: Bool[Tensor, "T B"]
    ) -> Float[Tensor, " B"]:
        """ln Σ_z exp s(z) of each lane."""
        return torch.logsumexp(self._forward(emissions, mask)[-1] + self.last, -1)

    def predict(
        self, outputs: Float[Tensor, "T B H"], mask: Bool[Tensor, "T B"] | None = None
    ) -> Float[Tensor, "T B K"]:
        """The log-probability of every tag at each step, summed over its neighbours' tags (forward-backward)."""
        if mask is None:
            mask = torch.ones(outputs.shape[:2], dtype=torch.bool, device=outputs.device)
        emissions = self.emissions(outputs)
        forward = self._forward(emissions, mask)
        after = [self.last.expand(emissions.shape[1:])]
        for emission, runs in zip(emissions[1:].flip(0), mask[1:].flip(0), strict=True):
            before = torch.logsumexp(self.transitions + (emission + after[-1])[:, None], -1)
            after.append(torch.where(runs[:, None], before, after[-1]))
        return (torch.stack(forward) + torch.stack(after[::-1])).log_softmax(-1)

    def _forward(self, emissions: Float[Tensor, "T B K"], mask: Bool[Tensor, "T B"]) -> list[Tensor]:
        """α_t[k] = ln Σ exp s over the tag sequences up to step t that end with tag k; constant after a lane's end."""
        alphas = [self.first + emissions[0]]
        for emission, runs in zip(emissions[1:], mask[1:], strict=True):
            alpha = torch.logsumexp(alphas[-1][:, :, None] + self.transitions, 1) + emission
            alphas.append(torch.where(runs[:, None], alpha, alphas[-1]))
        return alphas

    def _score(
        self, emissions: Float[Tensor, "T B K"], tags: Int[Tensor, "T B"], mask: Bool[Tensor, "T B"]
    ) -> Float[Tensor, " B"]:
        """s(tags) of each lane."""
        tags = tags.masked_fill(~mask, 0)
        steps = emissions.gather(-1, tags[..., None])[..., 0]
        steps[1:] += self.transitions[tags[:-1], tags[1:]]
        final = tags.gather(0, (mask.sum(0, keepdim=True) - 1).clamp(min=0))[0]
        return self.first[tags[0]] + torch.where(mask, steps, 0).sum(0) + self.last[final]
