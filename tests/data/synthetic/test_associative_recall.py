"""Associative recall: each key is asked for once, after all pairs, and its own value is the answer."""

import numpy as np
import pytest

from throughtime.data.synthetic.associative_recall import AssociativeRecall
from throughtime.errors import UserError


@pytest.mark.parametrize("length", [12, 40])
def test_the_answer_of_a_key_is_its_value(length: int) -> None:
    inputs, targets, mask = AssociativeRecall(pairs=4, keys=6, values=5).draw(
        np.random.default_rng(0), 50, length
    )
    for lane in range(50):
        values = dict(zip(inputs[0:8:2, lane].tolist(), inputs[1:8:2, lane].tolist(), strict=True))
        assert len(values) == 4
        asked = [(step, key) for step, key in enumerate(inputs[:, lane].tolist()) if step >= 8 and key < 6]
        assert sorted(key for _, key in asked) == sorted(values)
        assert np.flatnonzero(mask[:, lane]).tolist() == [step for step, _ in asked]
        assert [6 + int(targets[step, lane]) for step, _ in asked] == [values[key] for _, key in asked]


def test_a_small_power_puts_queries_near_the_pairs() -> None:
    means = [
        np.nonzero(AssociativeRecall(power=power).draw(np.random.default_rng(0), 200, 256).mask)[0].mean()
        for power in (0.01, 1.0)
    ]
    assert means[0] < 80 < 120 < means[1]


def test_fewer_keys_than_pairs_are_an_error() -> None:
    with pytest.raises(UserError, match=r"data\.rule\.keys=4 must be at least data\.rule\.pairs=8"):
        AssociativeRecall(keys=4)
