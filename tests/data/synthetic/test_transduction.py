"""Words and their answers: an answer is asked for after the whole input, and what follows its end does not count."""

import numpy as np

from throughtime.data.synthetic.context_free import StackManipulation
from throughtime.data.synthetic.regular import ParityCheck
from throughtime.data.synthetic.transduction import UNUSED, padded


def test_empty_symbols_follow_the_input_and_only_they_have_an_answer() -> None:
    inputs, targets, mask = ParityCheck().draw(np.random.default_rng(0), 50, 9)
    assert inputs.shape == (10, 50) and (inputs[:9] < 2).all() and (inputs[9] == 2).all()
    assert not mask[:9].any() and mask[9].all()
    assert np.array_equal(targets[9], inputs[:9].sum(0) % 2)


def test_nothing_counts_after_the_end_of_an_answer() -> None:
    _, targets, mask = StackManipulation().draw(np.random.default_rng(0), 50, 8)
    for lane in range(50):
        counted = targets[:, lane][mask[:, lane]]
        assert counted[-1] == 2 and (counted[:-1] < 2).all()


def test_answers_are_closed_and_filled_up() -> None:
    assert padded([[1, 0], []], 4, end=2).tolist() == [[1, 0, 2, UNUSED], [2, UNUSED, UNUSED, UNUSED]]
