"""The figure of a transcript shows its posteriors below what was heard or written."""

import numpy as np
import pytest

from throughtime.decode.ctc_path import SymbolSpan
from throughtime.task.transcription.figures import PosteriorExample, TranscriptFigures, plot_posteriors


def example(**changes):
    posterior = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.7, 0.3, 0.0], [0.5, 0.48, 0.02]])
    given = {
        "title": "a → a",
        "waveform": None,
        "lines": None,
        "values": np.random.rand(8, 3),
        "frames": 8,
        "posterior": posterior,
        "spans": [SymbolSpan(1, 2, 1)],
        "text": "a",
        "factor": 2,
        "seconds": 0.01,
    }
    return PosteriorExample(**(given | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"waveform": np.random.rand(640)},
        {"lines": [np.random.rand(5, 2), np.random.rand(3, 2)], "seconds": None},
        {},
    ],
)
def test_posteriors_are_drawn_at_the_middle_of_their_frames(changes):
    one = example(**changes)
    figure = plot_posteriors([one, one], ["a", "b"])
    above, below = figure.axes[0], figure.axes[2]
    unit = one.seconds or 1
    assert above.get_xlim() == below.get_xlim() == (0, 8 * unit)
    lines = below.get_lines()
    assert len(lines) == 2  # the blank and a; b is never likely
    for line, column in zip(lines, (0, 1), strict=True):
        np.testing.assert_allclose(line.get_xdata(), np.array([1, 3, 5, 7]) * unit)
        np.testing.assert_allclose(line.get_ydata(), one.posterior[:, column])
    (note,) = below.texts
    assert note.get_text() == "a" and note.xy == pytest.approx((3 * unit, 0.8))


def test_the_figure_of_a_task_has_a_column_a_sequence(make):
    task = make()
    figure = TranscriptFigures(count=2).figure(task.data, task, "val")
    assert len([axes for axes in figure.axes if axes.get_xlabel() == "frame"]) == 2
    assert task.data.part("val").texts[0] in figure.axes[0].get_title()
