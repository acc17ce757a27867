"""Tables and figures of classes show what was measured, for every kind of input."""

import numpy as np
import pytest
import torch
from toy_sequences import toy_set

from throughtime.data.labelled.sequences import Shown
from throughtime.errors import UserError
from throughtime.task.classification.figures import ClassFigures, plot_reliability, plot_running
from throughtime.task.classification.metrics import ClassMetrics


def probabilities_of(steps, classes=3):
    return np.full((steps, classes), 1 / classes) * np.linspace(0.5, 1, steps)[:, None]


@pytest.mark.parametrize(
    ("sequence", "symbols"),
    [
        (np.random.rand(8, 8).astype(np.float32), None),  # an image
        (np.random.rand(300, 1).astype(np.float32), None),  # a curve
        (np.array([0, 3, 1]), tuple("ACGT")),  # letters
        (np.random.randint(0, 4, 200), tuple("ACGT")),  # more letters than can be read
    ],
)
def test_probabilities_are_drawn_over_the_steps_of_their_input(sequence, symbols):
    probabilities = probabilities_of(len(sequence))
    examples = [("one", Shown(sequence), probabilities), ("two", Shown(sequence), probabilities)]
    figure = plot_running(examples, ["a", "b", "c"], symbols)
    above, below = figure.axes[0], figure.axes[2]
    assert len(figure.axes) == 4 and above.get_xlim() == below.get_xlim()
    for number, line in enumerate(below.get_lines()):
        np.testing.assert_allclose(line.get_xdata(), np.arange(1, len(sequence) + 1))
        np.testing.assert_allclose(line.get_ydata(), probabilities[:, number])
    if symbols is not None and len(sequence) == 3:
        assert [text.get_text() for text in above.texts] == ["A", "T", "C"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_examples_stand_in_two_columns_each_above_its_probabilities(count):
    examples = [(f"{n}", Shown(np.random.rand(9 + n, 1)), probabilities_of(9 + n)) for n in range(count)]
    figure = plot_running(examples, ["a", "b", "c"], None)
    titled = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert sorted(titled) == [f"{n}" for n in range(count)] and len(figure.axes) == 2 * count
    for number, axes in enumerate(titled[f"{n}"] for n in range(count)):
        place = axes.get_subplotspec()
        assert (place.rowspan.start, place.colspan.start) == (2 * (number // 2), number % 2)
        (below,) = (
            one
            for one in figure.axes
            if one.get_subplotspec().rowspan.start == place.rowspan.start + 1
            and one.get_subplotspec().colspan.start == place.colspan.start
        )
        assert len(below.get_lines()[0].get_xdata()) == 9 + number


def test_a_drawing_is_shown_as_far_as_the_pen_has_come():
    lines = [np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]), np.array([[3.0, 1.0]])]
    shown = Shown(np.zeros((4, 3), dtype=np.float32), lines=lines)
    figure = plot_running([("one", shown, probabilities_of(4))], ["a", "b", "c"], None)
    moments = figure.axes[0].child_axes
    assert [text.get_text() for text in figure.axes[0].texts] == [f"t = {t}" for t in range(1, 5)]
    drawn = [
        sum(len(line.get_xdata()) for line in inset.lines if line.get_color() == "#222222")
        for inset in moments
    ]
    assert drawn == [1, 2, 3, 4]
    assert len({(inset.get_xlim(), inset.get_ylim()) for inset in moments}) == 1


def test_a_spectrum_is_drawn_with_its_low_bands_at_the_bottom():
    values = np.random.rand(20, 24).astype(np.float32)
    figure = plot_running(
        [("one", Shown(values, "mel band", True), probabilities_of(20))], ["a", "b", "c"], None
    )
    above = figure.axes[0]
    bottom, top = above.get_ylim()
    assert bottom < top and above.get_ylabel() == "mel band"
    (image,) = above.get_images()
    np.testing.assert_array_equal(image.get_array(), values.T)


@pytest.mark.parametrize(
    ("steps", "shown"), [(1, [1]), (5, [1, 2, 3, 4, 5]), (20, [2, 4, 7, 9, 12, 14, 17, 19])]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_frames_are_drawn_above_their_steps(steps, shown, channels):
    frames = np.random.rand(steps, channels, 4, 6).astype(np.float32)
    example = ("one", Shown(frames.reshape(steps, -1)), probabilities_of(steps))
    figure = plot_running([example], ["a", "b", "c"], None, (channels, 4, 6))
    insets = figure.axes[0].child_axes
    assert [inset.get_title() for inset in insets] == [f"t = {step}" for step in shown]
    drawn = insets[-1].get_images()[0].get_array()
    assert drawn.shape[:2] == (4, 6)
    order = [np.argsort(image.ravel()).tolist() for image in (np.asarray(drawn).reshape(4, 6, -1)[..., 0],)]
    assert order == [np.argsort(frames[shown[-1] - 1, 0].ravel()).tolist()]


def test_the_reliability_diagram_shows_the_fraction_that_is_right():
    metrics = ClassMetrics(["a", "b"], False)
    metrics.update(torch.tensor([[0.9, 0.1]] * 4), torch.tensor([0, 0, 0, 1]))
    figure = plot_reliability(metrics.reliability().numpy())
    (bar,) = figure.axes[0].patches
    assert bar.get_height() == pytest.approx(0.75)
    assert "0.150" in figure.axes[0].get_title()


@pytest.mark.parametrize("labels", [None, [("a",), ("a", "b"), (), ("b", "c")] * 15])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_figure_is_left_out_where_it_has_no_meaning(make, labels, bidirectional):
    changes = {} if labels is None else {"labels": labels}
    task = make(toy_set(**changes), bidirectional=bidirectional).float()
    for batch in task.data.loader("test"):
        with torch.no_grad():
            task.chunk_loss("test", batch)
    task.measured["test"] = task._unfinished["test"]
    figures = ClassFigures(count=2).figures(task.data, task, "test")
    expected = {"reliability"} | ({"confusion"} if labels is None else set())
    assert set(figures) == expected | (set() if bidirectional else {"running"})


def test_a_count_must_be_positive():
    with pytest.raises(UserError, match="count"):
        ClassFigures(count=0)
