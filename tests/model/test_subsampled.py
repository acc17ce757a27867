"""A subsampled model: lengths, padding, and the carried state of causal layers."""

from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.model.inputs.frame_convolution import FrameConvolution
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.model.subsampled import SubsampledModel


def made(layers=Stack, **front):
    torch.manual_seed(0)
    return SubsampledModel(
        partial(FrameConvolution, size=4, **front),
        partial(layers, depth=2),
        partial(GRU, hidden_size=3),
        Reference(),
        input_size=2,
    ).double()


@pytest.mark.parametrize("layers", [Stack, Bidirectional])
def test_padding_changes_nothing(layers):
    model = made(layers, factor=3, context=2)
    frames = torch.randn(11, 1, 2, dtype=torch.float64)
    alone, _ = model(frames[:7], model.initial_state(1), torch.tensor([7]))
    padded = torch.cat((frames, frames), dim=1)
    padded[7:, 0] = torch.nan
    together, _ = model(padded, model.initial_state(2), torch.tensor([7, 11]))
    torch.testing.assert_close(together[:3, :1], alone)
    assert model.output_lengths(torch.tensor([7, 11])).tolist() == [3, 4]
    assert model.is_causal == (layers is Stack)


def test_the_chunks_of_a_causal_model_give_the_features_of_the_whole():
    model = made(factor=2, context=3)
    frames = torch.randn(13, 2, 2, dtype=torch.float64)
    whole, _ = model(frames, model.initial_state(2))
    parts, state = [], model.initial_state(2)
    for chunk in frames.split(4):
        features, state = model(chunk, state)
        parts.append(features)
    torch.testing.assert_close(torch.cat(parts), whole)


def test_symbols_and_resets_are_refused():
    with pytest.raises(UserError, match="these data are symbols"):
        SubsampledModel(FrameConvolution, Stack, partial(GRU, hidden_size=3), Reference(), vocabulary_size=5)
    model = made()
    with pytest.raises(UserError, match="subsamples, and cannot read running data"):
        model(
            torch.zeros(2, 1, 2).double(), model.initial_state(1), None, torch.zeros(2, 1, dtype=torch.bool)
        )
