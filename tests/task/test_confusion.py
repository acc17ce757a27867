"""The confusion matrix has a row a true class and the fraction of each prediction in it."""

import torch

from throughtime.task.confusion import plot_confusion


def test_fractions_stand_in_their_cells_and_small_ones_are_left_out():
    figure = plot_confusion(torch.tensor([[0.9, 0.1], [0.001, 0.999]]), ["cat", "dog"], "class")
    axes = figure.axes[0]
    cells = {
        (round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in axes.texts
    }
    assert cells == {(0, 0): "90", (0, 1): "10", (1, 1): "100"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
