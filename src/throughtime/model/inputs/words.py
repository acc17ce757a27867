"""Word input layer: a vector for each word of the vocabulary, beside the features of its characters."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.data.word_inputs import WordInputs
from throughtime.errors import check_fraction, check_positive


class WordFeatures(nn.Module):
    """x = dropout([E[word] ; characters(word)]); characters are read once for each distinct word of a batch.

    Of data that are numbers instead of words, x = dropout(u) of the numbers u of a step.

    In training a fraction of the words is replaced by the unknown word (id 0), so that its vector is trained for words
    outside the vocabulary.

    Args:
        word_count: the ids of words, V.
        character_count: the ids of characters.
        size: the features of a word's vector.
        characters: makes the encoder of characters, called as `characters(character_count=n)`; None for none.
        word_dropout: the fraction of words that are read as unknown in training.
        dropout: the fraction of features of x that are dropped in training.
        input_size: the numbers of a step, of data without words.

    Attributes:
        weight: E, `[V, size]`; None without words.
        output_size: the features of x.

    Raises:
        UserError: a size is not positive, or a dropout is no fraction.
    """

    def __init__(
        self,
        word_count: int | None = None,
        character_count: int | None = None,
        size: int = 100,
        characters: Callable[..., nn.Module] | None = None,
        word_dropout: float = 0.0,
        dropout: float = 0.0,
        input_size: int | None = None,
    ) -> None:
        check_fraction(word_dropout=word_dropout, dropout=dropout)
        super().__init__()
        self.word_dropout = word_dropout
        self.dropout = nn.Dropout(dropout)
        self.weight = self.characters = None
        if input_size is not None:
            self.output_size = input_size
            return
        check_positive(word_count=word_count, size=size)
        bound = math.sqrt(3 / size)  # variance 1/size, so that vectors have about length 1
        self.weight = nn.Parameter(nn.init.uniform_(torch.empty(word_count, size), -bound, bound))
        self.characters = None if characters is None else characters(character_count=character_count)
        self.output_size = size + (0 if self.characters is None else self.characters.output_size)

    def forward(self, inputs: WordInputs | Tensor) -> Float[Tensor, "T B I"]:
        if self.weight is None:
            return self.dropout(inputs)
        words = inputs.words
        if self.training and self.word_dropout:
            dropped = torch.rand(words.shape, device=words.device) < self.word_dropout
            words = words.masked_fill(dropped, 0)
        features = functional.embedding(words, self.weight)
        if self.characters is not None:
            spelled = self.characters(inputs.characters, inputs.lengths)
            # Not spelled[inputs.spellings]: this gradient adds up rows much faster on a CPU.
            features = torch.cat((features, functional.embedding(inputs.spellings, spelled)), -1)
        return self.dropout(features)
