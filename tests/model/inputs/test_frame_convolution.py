"""Subsampling in time: stacked frames, and chunks that give what the whole sequence gives."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.model.inputs.frame_convolution import FrameConvolution


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 9])
def test_without_context_it_is_a_linear_map_of_stacked_frames(steps):
    torch.manual_seed(0)
    layer = FrameConvolution(4, size=5, factor=3).double()
    frames = torch.randn(steps, 2, 4, dtype=torch.float64)
    features, _ = layer(frames, layer.initial_context(2))
    padded = torch.cat((frames, frames.new_zeros(-steps % 3, 2, 4)))
    stacked = padded.view(-1, 3, 2, 4).permute(0, 2, 3, 1).flatten(2)
    expected = stacked @ layer.convolution.weight.flatten(1).T + layer.convolution.bias
    torch.testing.assert_close(features, expected)
    assert layer.output_lengths(torch.tensor([steps])).tolist() == [len(features)]


def test_chunks_of_a_multiple_of_the_factor_give_the_features_of_the_whole():
    torch.manual_seed(0)
    layer = FrameConvolution(3, size=4, factor=2, context=5, activation="relu").double()
    frames = torch.randn(11, 2, 3, dtype=torch.float64)
    whole, _ = layer(frames, layer.initial_context(2))
    parts, context = [], layer.initial_context(2)
    for chunk in frames.split(4):
        features, context = layer(chunk, context)
        parts.append(features)
    torch.testing.assert_close(torch.cat(parts), whole)


def test_a_step_reads_no_later_frame_and_no_more_context_than_it_says():
    layer = FrameConvolution(1, size=1, factor=2, context=3).double()
    frames = torch.randn(12, 1, 1, dtype=torch.float64, requires_grad=True)
    features, _ = layer(frames, layer.initial_context(1))
    features[3].sum().backward()
    assert frames.grad.flatten().nonzero().flatten().tolist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": 0}, "factor must be above 0"),
        ({"context": -1}, "context=-1"),
        ({"activation": "x"}, "relu"),
    ],
)
def test_an_argument_out_of_its_range_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        FrameConvolution(3, **arguments)
