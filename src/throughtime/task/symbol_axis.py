"""Axis of a weight whose places stand for symbols, so that rows can be matched between vocabularies."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class SymbolAxis:
    """The symbols along one axis of a weight.

    Attributes:
        kind: characters, words or tags; symbols of two kinds are never the same.
        symbols: the symbol of each place.
    """

    kind: str
    symbols: Sequence[Hashable]

    def common(self, other: "SymbolAxis") -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
        """The places on this axis and on the other of the symbols that both have, in the order of this axis."""
        places = {symbol: place for place, symbol in reversed(list(enumerate(other.symbols)))}
        here = [place for place, symbol in enumerate(self.symbols) if symbol in places]
        there = [places[self.symbols[place]] for place in here]
        return torch.tensor(here, dtype=torch.long), torch.tensor(there, dtype=torch.long)
