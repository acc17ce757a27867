"""The gradient's norm is that before clipping."""

import pytest
import torch
from lightning.pytorch import Callback

from throughtime.callback.gradient_norm import GradientNorm


class Norms(Callback):
    """The norms straight after the backward pass."""

    def __init__(self):
        self.seen = []

    def on_after_backward(self, trainer, pl_module):
        squares = sum(parameter.grad.square().sum() for parameter in pl_module.parameters())
        self.seen.append(torch.sqrt(squares).item())


def test_the_logged_norm_is_that_of_the_whole_gradient_whatever_it_is_clipped_to(fit, scalars):
    norms = Norms()
    fit(GradientNorm(), norms, gradient_clip_val=1e-3)
    assert scalars("gradient/norm") == pytest.approx(norms.seen[1::2])
    assert min(norms.seen) > 1e-3


def test_accumulated_gradients_are_measured_when_they_are_complete(fit, scalars):
    norms = Norms()
    fit(GradientNorm(), norms, accumulate_grad_batches=3, max_steps=4)
    assert scalars("gradient/norm") == pytest.approx(norms.seen[5::6])


def test_no_logger_is_no_hindrance(fit):
    fit(GradientNorm(), logger=False)
    fit(GradientNorm(), log_every_n_steps=0)
