"""The contract of a decoder: how a sequence is chosen from a model that predicts one symbol after another.

Decoders see a model only through its step: the symbols just written and the state before them go in, the
log-probabilities of the next symbols and the state after them come out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from throughtime.tree import Tree

Step = Callable[[Tensor, Tree], tuple[Tensor, Tree]]
"""step(ids [B], state) -> (log-probabilities of the next symbol [B, V], state)."""


class Decoder(ABC):
    """Chooses what a model writes, symbol by symbol."""

    @abstractmethod
    def __call__(
        self,
        step: Step,
        log_probabilities: Float[Tensor, "B V"],
        state: Tree,
        length: int,
        generator: torch.Generator | None = None,
        end: int | None = None,
    ) -> Iterator[Int[Tensor, " B"]]:
        """Write up to `length` symbols in every lane.

        Args:
            step: the model. log_probabilities: what the model expects first, after its prompt
            (`decode.prime`). state: the model's state after its prompt; it is not changed. length: the most
            symbols a lane gets. generator: the source of chance, on the model's device. A decoder that
            needs chance insists on one, so
                that the same seed gives the same text and the global random numbers stay as they were.
            end: the id that ends a lane. A lane that has ended repeats it until all lanes have.

        Yields:
            the ids of all lanes, one step after another.
        """
