"""Ink is drawn as the model predicts it: with its condition, its bias, its end, and the same for the same seed."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from throughtime.data.strokes import HandwritingData, WrittenWords
from throughtime.errors import Diverged, UserError


def drawn(task, conditions, bias=0.5, length=30, seed=0):
    return task.draw(conditions, bias, length, torch.Generator().manual_seed(seed))


def points(ink):
    return np.concatenate(ink)


@pytest.mark.parametrize(("condition", "value"), [("none", None), ("label", "1"), ("text", "abca")])
def test_the_same_seed_gives_the_same_ink(made, condition, value):
    task = made(condition)
    one, same, other = (points(drawn(task, [value], seed=seed)[0]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_ink_begins_at_the_origin_and_is_in_the_units_of_training(made):
    (one,), (other,) = drawn(made(scale=0.1), ["1"]), drawn(made(scale=0.3), ["1"])
    assert points(one)[0].tolist() == [0, 0]
    np.testing.assert_allclose(points(other), 3 * points(one), rtol=1e-5, atol=1e-6)


def test_an_ink_ends_where_the_model_says_so_or_at_the_length(made):
    task = made()
    with torch.no_grad():
        task.head.map.weight[-1].zero_()
        for logit, count in ((50.0, 2), (-50.0, 30)):
            task.head.map.bias[-1] = logit
            assert [len(points(ink)) for ink in drawn(task, ["0", "2"])] == [count, count]
        # an end with a probability of 1/5 leaves 5 points after the first one in the mean
        task.head.map.bias[-1] = -np.log(4)
        lengths = [len(points(ink)) for ink in drawn(task, ["0"] * 2000, bias=0, length=200)]
    assert np.mean(lengths) == pytest.approx(6, abs=0.4)


def narrow_window(task, step):
    """One narrow Gaussian that advances by a fixed part of a symbol."""
    with torch.no_grad():
        task.model.map.weight.zero_()
        task.model.map.bias[:] = torch.tensor([0.0, 2.0, np.log(step)]).repeat_interleave(10)


def marks(task, lifted, ended):
    """Fixed log-odds of a lifted pen and of the end."""
    with torch.no_grad():
        task.head.map.weight[-2:].zero_()
        task.head.map.bias[-2:] = torch.tensor([lifted, ended])


@pytest.mark.parametrize("bias", [0, 0.5, 5])
def test_a_text_ends_only_where_the_window_has_passed_it(made, bias):
    """A window that moves by a symbol in 3 steps passes a text of U symbols after 3 U + 2; a first point is given."""
    task = made("text")
    narrow_window(task, 1 / 3)
    marks(task, lifted=-50.0, ended=50.0)
    assert [len(points(ink)) for ink in drawn(task, ["ab", "a", "abcabc"], bias)] == [9, 6, 21]
    marks(task, lifted=-50.0, ended=-50.0)
    assert [len(points(ink)) for ink in drawn(task, ["ab", "a"], bias)] == [30, 30]


def test_a_pen_that_is_lifted_after_the_text_ends_it_where_the_end_is_the_likelier_reason(made):
    task = made("text")
    narrow_window(task, 1 / 3)
    marks(task, lifted=-1.0, ended=0.0)  # p(end) = 0.5, p(lifted, no end) = 0.13
    likelier = [len(points(ink)) for ink in drawn(task, ["ab"] * 400, length=60)]
    assert min(likelier) == 9
    # Each step ends it with a probability of 0.5 + 0.13, after the first that may.
    assert np.mean(likelier) == pytest.approx(8 + 1 / 0.634, abs=0.25)
    marks(task, lifted=2.0, ended=-1.0)  # 0.27 and 0.64
    strokes = drawn(task, ["ab"] * 400, length=60)
    lengths = [len(points(ink)) for ink in strokes]
    assert np.mean(lengths) == pytest.approx(8 + 1 / 0.269, abs=0.5)
    assert any(
        sum(len(stroke) for stroke in ink[:-1]) > 9 for ink in strokes
    )  # lifted after the text, and gone on


def test_lanes_are_drawn_each_with_its_own_text(made):
    task = made("text")
    with torch.no_grad():
        task.head.map.bias[-2:] = -50.0
    short, long = drawn(task, ["a", "abcabc"], bias=20, length=8)
    (alone,) = drawn(task, ["a"], bias=20, length=8)  # with so large a bias, points are nearly their means
    np.testing.assert_allclose(points(short)[1:3], points(alone)[1:3], atol=0.02)
    assert len(points(long)) == 8


def test_a_larger_bias_gives_less_varied_points(made):
    task = made("none")
    spreads = [
        np.std([points(ink)[1] for ink in drawn(task, [None] * 300, bias, 2)], axis=0).sum()
        for bias in (0, 3)
    ]
    assert spreads[1] < spreads[0] / 3


@pytest.mark.parametrize(
    ("condition", "value", "said"),
    [
        ("text", "abx", "character 'x' is not one that the model was trained on: 'abc'"),
        ("text", "", "give one with --text"),
        ("label", "7", "class '7' is not one"),
    ],
)
def test_conditions_that_are_not_known_are_refused(made, condition, value, said):
    with pytest.raises(UserError, match=said):
        drawn(made(condition), [value])


def test_arguments_out_of_range_are_refused(made):
    with pytest.raises(UserError, match="bias"):
        drawn(made(), ["1"], bias=-0.1)
    with pytest.raises(UserError, match="length"):
        drawn(made(), ["1"], length=0)


def test_a_diverged_model_draws_nothing(made):
    task = made()
    with torch.no_grad():
        task.model.front.map.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="not finite"):
        drawn(task, ["1"])


def test_the_measured_likelihood_does_not_depend_on_the_batch_size(made, tmp_path):
    source = WrittenWords(train=20, val=10, test=15, hands=10, longest=3, fonts=["print"])
    found = []
    for size in (1, 4, 15):
        data = HandwritingData(source, eval_batch_size=size)
        trainer = pl.Trainer(
            default_root_dir=tmp_path,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        task = made("none")
        trainer.test(task, datamodule=data, verbose=False)
        found.append({name: float(value) for name, value in trainer.callback_metrics.items()})
    assert found[0] == pytest.approx(found[1], rel=1e-5) and found[0] == pytest.approx(found[2], rel=1e-5)
    assert found[0]["test/nll"] == pytest.approx(found[0]["test/loss"], rel=1e-5)


def test_the_next_command_names_the_condition(made):
    for condition, said in (("text", "--text"), ("label", "--label 0"), ("none", "RUN --bias")):
        assert said in made(condition).next_commands("RUN")[0][1]
