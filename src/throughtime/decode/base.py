"""The contract of decoders: the choice of a sequence from a model's step-by-step predictions.

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
    """Base class of decoders: choose the symbols that a model writes."""

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
            step: the model.
            log_probabilities: of the first symbol after the prompt (`decode.prime`).
            state: the model's state after its prompt; it is not changed.
            length: the most symbols of a lane.
            generator: the source of random numbers, on the model's device. A decoder that draws any requires one, so
                that the same seed gives the same text and the global generator stays as it is.
            end: the id that ends a lane; a lane that has ended repeats it until all lanes have.

        Yields:
            the ids of all lanes, one step after another.
        """
