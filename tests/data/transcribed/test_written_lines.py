"""Written lines: unseen words, the same lines of validation in all runs, and ink that a stroke file would give."""

import numpy as np
import pytest

from throughtime.data.strokes.points import to_strokes
from throughtime.data.transcribed.data import TranscribedData
from throughtime.data.transcribed.written_lines import WrittenLines
from throughtime.errors import UserError


def made(**arguments):
    source = WrittenLines(**{"lines": 40, "eval_lines": 10, "words": (1, 2)} | arguments)
    source.prepare(None, restored=False)
    return source


def test_no_word_of_validation_or_test_is_in_training():
    source = made(lines=2000, eval_lines=200)
    words = {
        split: {word for number in range(source.counts[split]) for word in source._chosen(split, number)}
        for split in source.counts
    }
    assert all(len(found) > 50 for found in words.values())
    assert not words["train"] & words["val"] and not words["train"] & words["test"]
    assert not words["val"] & words["test"]


def test_a_line_is_a_function_of_its_generator():
    source = made()
    one, again = (source.draw("train", 3, np.random.default_rng(5)) for _ in range(2))
    other = source.draw("train", 3, np.random.default_rng(6))
    np.testing.assert_array_equal(one.sequence, again.sequence)
    assert one.text == again.text == other.text
    assert not np.array_equal(one.sequence[:10], other.sequence[:10])
    assert source.digest() == made().digest() != made(word_seed=2).digest()


def test_its_ink_has_the_height_1_and_steps_of_the_spacing():
    source = made(spacing=0.2)
    sequence = source.draw("val", 0, np.random.default_rng(1)).sequence
    strokes = to_strokes(sequence)
    assert np.ptp(np.concatenate(strokes)[:, 1]) == pytest.approx(1, abs=0.05)
    steps = np.concatenate([np.hypot(*np.diff(stroke, axis=0).T) for stroke in strokes])
    assert 0.05 < steps.max() <= 0.2 + 1e-6


def test_an_epoch_has_new_hands_and_the_same_words():
    data = TranscribedData(WrittenLines(lines=8, eval_lines=4), batch_size=8)
    data.setup()
    first, second = (next(iter(data.loader("train"))) for _ in range(2))
    order = second.targets.numbers.argsort()
    assert (first.targets.symbols[first.targets.numbers.argsort()] == second.targets.symbols[order]).all()
    assert first.inputs.shape != second.inputs.shape or not (first.inputs == second.inputs).all()
    assert all(
        (one.inputs == other.inputs).all()
        for one, other in zip(data.loader("val"), data.loader("val"), strict=True)
    )
    assert data.sizes == {"train": 8, "val": 4, "test": 4} and data.paths() == {"data.path": None}


def test_an_argument_out_of_its_range_is_refused():
    with pytest.raises(UserError, match=r"data\.source\.words=\[2, 1\]"):
        WrittenLines(words=(2, 1))
    with pytest.raises(UserError, match="these data are made without a file"):
        WrittenLines().prepare("x", restored=False)
