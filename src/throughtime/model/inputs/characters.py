"""Character encoders: the features of a word from its spelling, by recurrence or by convolution."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.data.word_inputs import PAD
from throughtime.engine.base import Engine
from throughtime.errors import UserError, check_fraction, check_positive
from throughtime.model.layers.bidirectional import reverse
from throughtime.tree import length_mask


class RecurrentCharacters(nn.Module):
    """[→h_n ; ←h_1]: the output of a cell after the last letter, and of another, from the right, after the first.

    After Ling et al. 2015, arXiv 1508.02096.

    Args:
        character_count: the ids of characters.
        cell: makes a cell, called as `cell(input_size=n, hidden_size=m)`.
        engine: runs the cells.
        size: the features of a character.
        hidden_size: the units of each of the two cells.
        dropout: the fraction of a character's features that are dropped in training.

    Attributes:
        output_size: the features of a word.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(
        self,
        character_count: int,
        cell: Callable[..., Cell],
        engine: Engine,
        size: int = 32,
        hidden_size: int = 32,
        dropout: float = 0.0,
    ) -> None:
        check_positive(character_count=character_count, size=size, hidden_size=hidden_size)
        check_fraction(dropout=dropout)
        super().__init__()
        self.embedding = nn.Embedding(character_count, size, padding_idx=PAD)
        self.dropout = nn.Dropout(dropout)
        self.engine = engine
        self.from_left = cell(input_size=size, hidden_size=hidden_size)
        self.from_right = cell(input_size=size, hidden_size=hidden_size)
        self.output_size = self.from_left.output_size + self.from_right.output_size

    def forward(self, characters: Int[Tensor, "C N"], lengths: Int[Tensor, " N"]) -> Float[Tensor, "N H"]:
        letters = self.dropout(self.embedding(characters))
        ends = []
        for cell, sequence in ((self.from_left, letters), (self.from_right, reverse(letters, lengths))):
            outputs, _ = self.engine.run(cell, sequence, cell.initial_state(lengths.shape[0]), lengths)
            ends.append(outputs[lengths - 1, torch.arange(lengths.shape[0], device=lengths.device)])
        return torch.cat(ends, -1)


class ConvolutionalCharacters(nn.Module):
    """max_c (W * x)_c + b: the strongest response of each filter anywhere in the word.

    After dos Santos & Zadrozny 2014; a word shorter than the filters is padded with zeros.

    Args:
        character_count: the ids of characters.
        size: the features of a character.
        filters: H, the features of a word.
        width: the characters that a filter sees; odd, so that it has a middle.
        dropout: the fraction of a character's features that are dropped in training.

    Attributes:
        output_size: `filters`.

    Raises:
        UserError: a size is not positive, the width is even, or the dropout is no fraction.
    """

    def __init__(
        self, character_count: int, size: int = 32, filters: int = 64, width: int = 3, dropout: float = 0.0
    ) -> None:
        check_positive(character_count=character_count, size=size, filters=filters, width=width)
        check_fraction(dropout=dropout)
        if width % 2 == 0:
            raise UserError(f"width={width} must be odd, so that a filter has a middle")
        super().__init__()
        self.embedding = nn.Embedding(character_count, size, padding_idx=PAD)
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(filters, width * size)))
        self.bias = nn.Parameter(torch.zeros(filters))
        self.width = width
        self.output_size = filters

    def forward(self, characters: Int[Tensor, "C N"], lengths: Int[Tensor, " N"]) -> Float[Tensor, "N H"]:
        side = self.width // 2
        running = length_mask(lengths, characters.shape[0])
        letters = torch.where(running[..., None], self.dropout(self.embedding(characters)), 0)
        padded = functional.pad(letters, (0, 0, 0, 0, side, side))
        # One matrix product over neighbouring letters: for words of a dozen letters faster than a convolution.
        neighbours = torch.cat([padded[at : at + characters.shape[0]] for at in range(self.width)], -1)
        responses = functional.linear(neighbours, self.weight, self.bias)
        return responses.masked_fill(~running[..., None], -torch.inf).amax(0)
