"""Beam search: the best of the sequences that extend the N best prefixes at each step."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.decode.base import Decoder, Step
from throughtime.errors import UserError, check_positive
from throughtime.tree import Tree, map_state


class Hypothesis(NamedTuple):
    """A finished sequence with its log p and the score it is ranked by."""

    ids: list[int]
    log_probability: float
    score: float


class Beam(Decoder):
    """Keep the N best sequences at each step; give the one of the best score(y) = log p(y) / |y|^α.

    A hypothesis leaves the beam when it writes the end symbol while among the N best. The search is over
    once N have left, or at the length limit, where those still in the beam count too. N = 1 is greedy, and
    an N as large as the number of all sequences is exhaustive.

    Source: Graves (2012), Sequence Transduction with Recurrent Neural Networks; the normalisation by length
    as in Wu et al. (2016), Google's Neural Machine Translation System, with |y| in place of (5 + |y|) / 6.

    Args:
        width: N.
        length_penalty: α; 0 ranks by probability, which favours short sequences, and 1 by the mean a symbol.
    """

    def __init__(self, width: int = 4, length_penalty: float = 0.0) -> None:
        check_positive(width=width)
        self.width = width
        self.length_penalty = length_penalty

    def __call__(
        self,
        step: Step,
        log_probabilities: Float[Tensor, "B V"],
        state: Tree,
        length: int,
        generator: torch.Generator | None = None,
        end: int | None = None,
    ) -> Iterator[Int[Tensor, " B"]]:
        if len(log_probabilities) != 1:
            raise UserError(f"beam search writes one sample at a time, not {len(log_probabilities)}")
        best = self.search(step, log_probabilities, state, length, end)[0]
        return iter(torch.tensor(best.ids, dtype=torch.long, device=log_probabilities.device)[:, None])

    @torch.inference_mode()
    def search(
        self,
        step: Step,
        log_probabilities: Float[Tensor, "1 V"],
        state: Tree,
        length: int,
        end: int | None = None,
    ) -> list[Hypothesis]:
        """All hypotheses that finished, the best first; each one in the beam has a lane of the state."""
        finished: list[Hypothesis] = []
        totals = log_probabilities.new_zeros(1)
        written = torch.empty(1, 0, dtype=torch.long, device=log_probabilities.device)
        for position in range(length):
            if position > 0:
                log_probabilities, state = step(written[:, -1], state)
            candidates, parents, symbols = self._extend(totals, log_probabilities)
            extended = torch.cat((written[parents], symbols[:, None]), dim=1)
            ends = symbols == (-1 if end is None else end)
            leaving = ends[: self.width].nonzero().squeeze(1)
            finished += self._hypotheses(extended[leaving], candidates[leaving])
            staying = (~ends).nonzero().squeeze(1)[: self.width]
            totals, written = candidates[staying], extended[staying]
            if len(finished) >= self.width or len(staying) == 0:
                break
            lanes = parents[staying]
            state = map_state(lambda leaf, lanes=lanes: leaf.index_select(0, lanes), state)
        else:
            finished += self._hypotheses(written, totals)
        return sorted(finished, key=lambda hypothesis: hypothesis.score, reverse=True)

    def _extend(
        self, totals: Float[Tensor, " N"], log_probabilities: Float[Tensor, "N V"]
    ) -> tuple[Float[Tensor, " M"], Int[Tensor, " M"], Int[Tensor, " M"]]:
        """The best continuations of all: their log p, the lane each goes on from, the symbol each adds.

        Twice the width is asked for: each lane can end in one way only, so N that go on are always among
        them.
        """
        vocabulary = log_probabilities.shape[-1]
        everything = (totals[:, None] + log_probabilities).flatten()
        candidates, index = everything.topk(min(2 * self.width, len(everything)))
        possible = candidates > -torch.inf
        candidates, index = candidates[possible], index[possible]
        return candidates, index // vocabulary, index % vocabulary

    def _hypotheses(self, written: Int[Tensor, "N T"], totals: Float[Tensor, " N"]) -> list[Hypothesis]:
        return [
            Hypothesis(ids, total, total / max(len(ids), 1) ** self.length_penalty)
            for ids, total in zip(written.tolist(), totals.tolist(), strict=True)
        ]
