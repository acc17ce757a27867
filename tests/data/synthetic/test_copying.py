"""Copying: what is repeated and when, and the loss of a model that knows the number of the step alone."""

import numpy as np
import pytest

from throughtime.data.synthetic.copying import CopyMemory, DelayedCopy


def test_the_symbols_come_again_after_the_delimiter() -> None:
    inputs, targets, _ = CopyMemory(items=4, symbols=5).draw(np.random.default_rng(0), 6, 7)
    assert len(inputs) == 7 + 2 * 4
    assert ((inputs == 6).sum(0) == 1).all() and (inputs[4 + 7 - 1] == 6).all()
    assert np.array_equal(targets[-4:], inputs[:4]) and (targets[:-4] == 5).all()


def test_the_best_answer_by_the_step_alone_has_the_loss_of_arjovsky_et_al() -> None:
    """10 ln 8 / (T + 20): the cross-entropy of the frequencies of the targets at each step."""
    _, targets, _ = CopyMemory().draw(np.random.default_rng(0), 4_000, 30)
    shares = np.stack([(targets == symbol).mean(1) for symbol in range(9)])
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    assert -(shares * logs).sum(0).mean() == pytest.approx(CopyMemory().memoryless_loss(30), rel=0.002)
    assert CopyMemory().memoryless_loss(1000) == pytest.approx(0.0204, abs=1e-4)


def test_a_stream_is_repeated_after_the_delay() -> None:
    inputs, targets, mask = DelayedCopy(delay=3).draw(np.random.default_rng(0), 4, 10)
    assert np.array_equal(targets[3:], inputs[:-3])
    assert mask[3:].all() and not mask[:3].any()
