"""Piano-roll figures show what is right, too many and missed, and come with a run."""

from pathlib import Path

import numpy as np
from PIL import Image

from throughtime.data.music.piano_roll import Note, roll_of
from throughtime.task.music.figures import plot_prediction, plot_roll


def test_a_prediction_is_shown_by_kind_of_note() -> None:
    played = roll_of([Note(0, 4, 60), Note(2, 4, 64)], "x")
    predicted = roll_of([Note(0, 2, 60), Note(1, 4, 67)], "x")
    above, below = plot_prediction(played, predicted, "a piece").axes
    lowest = 60 - 21 - 2
    kinds = np.asarray(below.images[0].get_array())
    assert kinds.shape[1] == 4 and np.asarray(above.images[0].get_array()).sum() == played.sum()
    assert [int(kinds[60 - 21 - lowest, step]) for step in range(4)] == [1, 1, 3, 3]
    assert [int(kinds[67 - 21 - lowest, step]) for step in range(4)] == [0, 2, 2, 2]
    assert above.get_title() == "a piece"


def test_a_line_stands_where_new_music_begins() -> None:
    roll = roll_of([Note(0, 4, 60)], "x")
    (axes,) = plot_roll(roll, start=2).axes
    assert axes.lines[0].get_xdata()[0] == 1.5
    assert not plot_roll(np.zeros((3, 88), dtype=np.uint8)).axes[0].lines


def test_a_run_leaves_a_figure_of_the_test(music_run: Path) -> None:
    with Image.open(music_run / "figures" / "piano_roll.png") as image:
        assert image.size[0] > 500
