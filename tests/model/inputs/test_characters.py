"""A word's features come from its own characters, whatever other words stand beside it."""

from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.auto import Auto
from throughtime.errors import UserError
from throughtime.model.inputs.characters import ConvolutionalCharacters, RecurrentCharacters

ENCODERS = {
    "lstm": lambda: RecurrentCharacters(9, LSTM, Auto(), size=3, hidden_size=4),
    "gru": lambda: RecurrentCharacters(9, partial(GRU, hidden_size=7), Auto(), size=3, hidden_size=4),
    "convolution": lambda: ConvolutionalCharacters(9, size=3, filters=8),
    "wide convolution": lambda: ConvolutionalCharacters(9, size=3, filters=8, width=7),
}
CHARACTERS = torch.randint(2, 9, (6, 4), generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([6, 1, 3, 2])


@pytest.fixture(params=ENCODERS)
def encoder(request):
    torch.manual_seed(0)
    return ENCODERS[request.param]().double().eval()


def test_each_word_reads_as_if_it_were_alone(encoder):
    together = encoder(CHARACTERS, LENGTHS)
    assert together.shape == (4, encoder.output_size) == (4, 8)
    for word, length in enumerate(LENGTHS.tolist()):
        alone = encoder(CHARACTERS[:length, word : word + 1], LENGTHS[word : word + 1])
        torch.testing.assert_close(together[word : word + 1], alone)


def test_padding_changes_no_number_and_no_gradient(encoder):
    results = []
    for padding in (0, 5):
        running = torch.arange(8)[:, None] < LENGTHS
        padded = torch.cat((CHARACTERS, CHARACTERS[:2])).masked_fill(~running, padding)
        features = encoder(padded, LENGTHS)
        gradients = torch.autograd.grad(features.square().sum(), list(encoder.parameters()))
        results.append([features, *gradients])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_every_letter_of_a_word_may_matter(encoder):
    for letter in range(3):
        changed = CHARACTERS[:3, 2:3].clone()
        features = []
        for character in range(2, 9):
            changed[letter] = character
            features.append(encoder(changed, LENGTHS[2:3]))
        assert len(torch.cat(features).unique(dim=0)) > 1


def test_impossible_sizes_are_refused():
    with pytest.raises(UserError, match="odd"):
        ConvolutionalCharacters(9, width=4)
    with pytest.raises(UserError, match="filters"):
        ConvolutionalCharacters(9, filters=0)
    with pytest.raises(UserError, match="dropout"):
        RecurrentCharacters(9, LSTM, Auto(), dropout=1.0)
