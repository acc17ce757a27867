import pytest
import torch
from torch.nn import functional

from throughtime.cell.conv_lstm import ConvLSTM, ConvLSTMState
from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.errors import UserError


def made(channels=2, inputs=3, height=5, width=7, **options):
    torch.manual_seed(0)
    pixels = height * width
    cell = ConvLSTM(inputs * pixels, channels * pixels, height, width, **options).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return cell


def run(cell, inputs, state=None):
    return Reference().run(cell, inputs, state or cell.initial_state(inputs.shape[1]))


@pytest.mark.parametrize("peepholes", [False, True])
def test_the_outputs_are_those_of_the_papers_equations(peepholes):
    """Equation 3, with a sum over the pixels of each filter in place of a library's convolution."""
    cell = made(peepholes=peepholes)
    inputs = torch.randn(3, 2, 3 * 35).double()
    outputs, _ = run(cell, inputs)
    h = c = torch.zeros(2, 2, 5, 7).double()

    def convolved(image, weight):
        padded = functional.pad(image, (1, 1, 1, 1))
        parts = [
            torch.einsum("bcij,gc->bgij", padded[:, :, i : i + 5, j : j + 7], weight[:, :, i, j])
            for i in range(3)
            for j in range(3)
        ]
        return sum(parts)

    p = cell.weight_peephole.view(3, 2, 5, 7) if peepholes else torch.zeros(3, 1, 1, 1)
    for x, output in zip(inputs, outputs, strict=True):
        sums = convolved(x.view(2, 3, 5, 7), cell.weight_input) + convolved(h, cell.weight_recurrent)
        i, f, g, o = (sums + cell.bias[:, None, None]).chunk(4, 1)
        i, f = torch.sigmoid(i + p[0] * c), torch.sigmoid(f + p[1] * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + p[2] * c) * torch.tanh(c)
        torch.testing.assert_close(output.view(2, 2, 5, 7), h)


def test_with_images_of_one_pixel_it_is_the_lstm():
    cell, lstm = made(channels=4, inputs=3, height=1, width=1), LSTM(3, 4).double()
    with torch.no_grad():
        lstm.weight_input.copy_(cell.weight_input[:, :, 1, 1])
        lstm.weight_recurrent.copy_(cell.weight_recurrent[:, :, 1, 1])
        lstm.bias.copy_(cell.bias)
    inputs = torch.randn(6, 2, 3).double()
    torch.testing.assert_close(run(cell, inputs)[0], run(lstm, inputs)[0])


def test_what_moves_in_the_input_moves_in_the_output():
    """Away from the border, which is 3 steps of one pixel from what is there."""
    cell = made(height=11, width=11)
    inputs = torch.zeros(3, 1, 3, 11, 11).double()
    inputs[:, :, :, 5, 4] = torch.randn(3, 1, 3).double()
    outputs, moved = (
        run(cell, images.flatten(2))[0].view(3, 1, 2, 11, 11) for images in (inputs, inputs.roll(1, -1))
    )
    still = run(cell, torch.zeros_like(inputs).flatten(2))[0].view(3, 1, 2, 11, 11)
    torch.testing.assert_close((moved - still)[..., 4:-4, 4:-3], (outputs - still)[..., 4:-4, 3:-4])
    assert ((outputs - still)[..., 4:-4, 3:-4] != 0).any()


def test_a_pixel_reaches_one_pixel_further_with_every_step():
    cell = made(height=1, width=9)
    inputs = torch.zeros(4, 1, 27).double().requires_grad_()
    outputs, _ = run(cell, inputs)
    for step in range(4):
        (gradient,) = torch.autograd.grad(outputs[step].view(2, 9)[:, 0].sum(), inputs, retain_graph=True)
        seen = gradient[0].view(3, 9).abs().sum(0) > 0
        assert seen.tolist() == [place <= step + 1 for place in range(9)]


def test_the_state_is_in_the_parameters_precision_and_its_gates_begin_open():
    cell = ConvLSTM(8, 12, 2, 2)
    state = cell.initial_state(3)
    assert isinstance(state, ConvLSTMState) and state.hidden.shape == (3, 12)
    assert cell.bias.tolist() == [0.0] * 3 + [1.0] * 3 + [0.0] * 6


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((10, 12, 2, 2), "input_size=10 is no whole number of images of 2 x 2 pixels"),
        ((8, 10, 2, 2), "hidden_size=10 is no whole number of images of 2 x 2 pixels"),
        ((8, 12, 2, 2, 4), "kernel=4 must be odd"),
        ((8, 12, 0, 2), "height"),
    ],
)
def test_sizes_that_do_not_fit_are_told(arguments, told):
    with pytest.raises(UserError, match=told):
        ConvLSTM(*arguments)
