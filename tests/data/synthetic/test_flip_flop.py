"""The flip-flop: each channel holds its last pulse, and the loss of answering by the present step alone."""

import numpy as np
import pytest

from throughtime.data.synthetic.flip_flop import FlipFlop


def test_each_channel_holds_its_last_pulse() -> None:
    inputs, targets, _ = FlipFlop().draw(np.random.default_rng(0), 4, 60)
    held = np.zeros((4, 3))
    for pulses, target in zip(inputs, targets, strict=True):
        held = np.where(pulses != 0, pulses, held)
        assert np.array_equal(held, target)
    assert set(np.unique(targets)) == {-1, 1}


def test_repeating_the_present_pulse_has_the_loss_of_the_formula() -> None:
    inputs, targets, _ = FlipFlop().draw(np.random.default_rng(0), 2000, 20)
    assert ((inputs - targets) ** 2).mean() == pytest.approx(FlipFlop().memoryless_loss(20), rel=0.01)
