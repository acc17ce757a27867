"""The contract of a rule: it draws sequences of any length with their targets."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

from throughtime.data.base import DataPart


class Examples(NamedTuple):
    """Sequences of one length with their targets.

    Attributes:
        inputs: ids `[T, B]`, or numbers `[T, B, I]`.
        targets: ids `[T, B]`, or numbers `[T, B, C]`.
        mask: which targets count, of their shape; None for all.
    """

    inputs: Int64[np.ndarray, "T B"] | Float[np.ndarray, "T B I"]
    targets: Int64[np.ndarray, "T B"] | Float[np.ndarray, "T B C"]
    mask: Bool[np.ndarray, "T B"] | Bool[np.ndarray, "T B C"] | None = None


class Rule(DataPart, ABC):
    """A function of sequences that a model is to learn from draws.

    The lengths that it has are `shortest`, `shortest + stride`, `shortest + 2 stride`, …; the steps T of its sequences
    grow with the length.

    Attributes:
        shortest: the least length.
        stride: from a length to the next one.
        input_sizes: what the model takes: `vocabulary_size` V of ids, or `input_size` I of numbers.
        output_sizes: what the head takes: `vocabulary_size` of ids, or `channels` C of numbers.
    """

    shortest: ClassVar[int] = 1
    stride: ClassVar[int] = 1
    input_sizes: Mapping[str, int]
    output_sizes: Mapping[str, int]

    @property
    def has_numbers(self) -> bool:
        """Whether the targets are numbers rather than ids."""
        return "channels" in self.output_sizes

    @property
    def least(self) -> int:
        """The least length with these options."""
        return self.shortest

    def nearest_length(self, length: int) -> int:
        """The greatest length of the rule that is no greater than this one; the least one where none is."""
        return self.least + max(length - self.least, 0) // self.stride * self.stride

    @abstractmethod
    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        """Independent sequences of one of the rule's lengths."""

    def draw_prefixes(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        """As `draw`, with the answer to each prefix as well where the rule has one: of regular languages."""
        return self.draw(generator, batch_size, length)

    def memoryless_loss(self, length: int) -> float | None:
        """The expected loss of a model without memory, as the literature has it; None where it is not known.

        In nats of ids, a squared error of numbers, as a mean over the targets that count.
        """
        return None
