"""Notes are drawn by their log-odds at a temperature, from random numbers of their own."""

from pathlib import Path

import pytest
import torch

from throughtime.head.bernoulli import Bernoulli
from throughtime.head.notes import log_odds, log_probability, on_or_off


def test_at_temperature_0_a_note_is_on_where_it_is_more_likely_than_not() -> None:
    assert on_or_off(torch.tensor([-1.0, 0.1, 3.0]), 0.0, None).tolist() == [0, 1, 1]


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 0.731), (0.5, 0.881), (2.0, 0.622)])
def test_a_temperature_divides_the_log_odds(temperature: float, expected: float) -> None:
    drawn = on_or_off(torch.ones(20_000), temperature, torch.Generator().manual_seed(0))
    assert abs(float(drawn.mean()) - expected) < 0.015


def test_global_random_numbers_are_left_alone() -> None:
    with pytest.raises(ValueError, match="generator"):
        on_or_off(torch.zeros(3), 1.0, None)


def test_biases_begin_at_the_share_of_frames_and_are_finite_for_keys_that_never_sound() -> None:
    bias = log_odds([0.0, 0.25, 1.0], 3)
    torch.testing.assert_close(torch.sigmoid(bias), torch.tensor([0.001, 0.25, 0.999]))
    assert log_odds(None, 3).tolist() == [0, 0, 0]


def test_log_probabilities_are_exact_far_from_even_odds() -> None:
    logits = torch.linspace(-200, 200, 81)
    expected = -torch.log1p(torch.exp(-logits.double())).float()
    torch.testing.assert_close(log_probability(logits), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.slow
def test_log_probabilities_are_finite_in_onnx(tmp_path: Path) -> None:
    """Of its own sigmoid, ONNX Runtime's logarithm is -infinity below -18."""
    runtime = pytest.importorskip("onnxruntime", reason="the extra [onnx]")

    class LogProbability(torch.nn.Module):
        def forward(self, logits: torch.Tensor) -> torch.Tensor:
            return log_probability(logits)

    logits = torch.linspace(-80, 80, 33)
    torch.onnx.export(LogProbability(), (logits,), tmp_path / "graph.onnx", input_names=["x"], verbose=False)
    session = runtime.InferenceSession(tmp_path / "graph.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": logits.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), log_probability(logits))


def test_masked_frames_change_neither_the_loss_nor_the_gradient() -> None:
    head = Bernoulli(4, 5)
    outputs, targets = torch.randn(3, 2, 4), (torch.rand(3, 2, 5) < 0.5).float()
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    expected = -head.log_likelihood(outputs, targets)[mask].mean()
    outputs = outputs.masked_fill(~mask[..., None], torch.nan).requires_grad_()
    loss = head.loss(outputs, targets, mask)
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(loss, outputs)
    assert not gradient[mask].isnan().any()
