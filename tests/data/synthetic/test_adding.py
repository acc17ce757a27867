"""The adding problem: two markers, one in each half, and the loss of always answering 1."""

import numpy as np
import pytest

from throughtime.data.synthetic.adding import Adding


@pytest.mark.parametrize("length", [2, 3, 50])
def test_the_target_is_the_sum_of_the_marked_numbers(length: int) -> None:
    inputs, targets, mask = Adding().draw(np.random.default_rng(0), 40, length)
    values, markers = inputs[..., 0], inputs[..., 1].astype(bool)
    assert (markers[: length // 2].sum(0) == 1).all() and (markers[length // 2 :].sum(0) == 1).all()
    for lane in range(40):
        assert targets[-1, lane, 0] == pytest.approx(values[markers[:, lane], lane].sum())
    assert mask[-1].all() and not mask[:-1].any()


def test_always_answering_1_has_the_loss_of_the_literature() -> None:
    _, targets, _ = Adding().draw(np.random.default_rng(0), 20_000, 10)
    loss = Adding().memoryless_loss(10)
    assert ((targets[-1] - 1) ** 2).mean() == pytest.approx(loss, rel=0.03)
    assert loss == pytest.approx(0.1667, abs=1e-4)
