"""Piano rolls as figures: what was predicted against what was played, and a piece that was written."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from throughtime.callback.stage_figure import StageFigure
from throughtime.data.music.piano_roll import LOWEST, Roll
from throughtime.errors import check_positive

COLOURS = {"right": "#222222", "too many": "#d62728", "missed": "#9ecae1"}


class PianoRollFigures(StageFigure):
    """Draws `piano_roll` at each validation (IMAGES), and as a PNG file after the test.

    It shows the beginning of the first piece, and which of its notes the most probable frames, predicted from the true
    frames before them, have right.

    Args:
        length: the frames that are shown.
    """

    figure_name = "piano_roll"

    def __init__(self, length: int = 96) -> None:
        check_positive(length=length)
        self.length = length

    def figure(self, data: Any, task: Any, stage: str) -> Figure:
        piece = data.part(stage)[0]
        roll = piece.roll[: self.length]
        predicted = task.most_probable(torch.from_numpy(roll).float()).cpu().numpy().astype(np.uint8)
        return plot_prediction(roll, predicted, piece.name)


def plot_prediction(roll: Roll, predicted: Roll, title: str) -> Figure:
    """A piano roll above its prediction, in which notes are right, too many or missed."""
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    lowest, highest = _range(np.maximum(roll, predicted))
    _draw(above, roll, lowest, highest)
    above.set_title(title if len(title) <= 90 else f"…{title[-89:]}", fontsize=9)
    kinds = np.where(roll & predicted, 1, np.where(predicted, 2, np.where(roll, 3, 0)))
    _draw(below, kinds, lowest, highest)
    for name, colour in COLOURS.items():
        below.plot([], [], "s", color=colour, label=name)
    below.legend(loc="upper right", fontsize=7, ncols=3)
    below.set_title("predicted from the frames before", fontsize=9)
    below.set_xlabel("frame t")
    return figure


def plot_roll(roll: Roll, start: int = 0, title: str = "") -> Figure:
    """A piano roll; a line stands before the frame `start`, unless it is the first."""
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    axes = figure.subplots()
    _draw(axes, roll, *_range(roll))
    if start:
        axes.axvline(start - 0.5, color="#d62728", linewidth=1)
    axes.set_xlabel("frame t")
    axes.set_title(title, fontsize=9)
    return figure


def _range(roll: Roll) -> tuple[int, int]:
    """The lowest and the highest row that are drawn: an octave at least, with two keys of space."""
    used = np.flatnonzero(roll.any(0))
    first, last = (int(used[0]), int(used[-1])) if len(used) else (36, 48)
    return max(first - 2, 0), min(max(last, first + 12) + 2, roll.shape[1] - 1)


def _draw(axes: Axes, kinds: np.ndarray, lowest: int, highest: int) -> None:
    """An image of the keys from `lowest` to `highest`; C is marked, with the number of its octave."""
    shown = kinds[:, lowest : highest + 1].T
    extent = (-0.5, len(kinds) - 0.5, lowest + LOWEST - 0.5, highest + LOWEST + 0.5)
    axes.imshow(
        shown,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap(["#ffffff00", *COLOURS.values()]),  # the lines below show through
        vmin=0,
        vmax=3,
        extent=extent,
        zorder=2,
    )
    octaves = [pitch for pitch in range(lowest + LOWEST, highest + LOWEST + 1) if pitch % 12 == 0]
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_ylabel("key")
