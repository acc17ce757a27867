"""Dynamic time warping: the recursion, its window, and unequal lengths."""

import numpy as np
import pytest

from throughtime.task.classification import warping
from throughtime.task.classification.warping import cells, warped_distances

GENERATOR = np.random.default_rng(3)


def by_recursion(a, b, band):
    """D(n, m) cell by cell."""
    table = np.full((len(a) + 1, len(b) + 1), np.inf)
    table[0, 0] = 0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if abs(i - j) <= band:
                cost = ((a[i - 1] - b[j - 1]) ** 2).sum()
                table[i, j] = cost + min(table[i - 1, j], table[i, j - 1], table[i - 1, j - 1])
    return table[-1, -1]


def some(lengths, channels=2):
    return [GENERATOR.normal(size=(length, channels)) for length in lengths]


@pytest.mark.parametrize("window", [None, 0.0, 0.2, 0.5])
@pytest.mark.parametrize("block", [1, 1 << 16])
def test_distances_are_those_of_the_recursion(window, block, monkeypatch):
    monkeypatch.setattr(warping, "BLOCK", block)
    rows, columns = some((9, 5, 12, 1)), some((12, 4, 9))
    band = 12 if window is None else int(np.ceil(window * 12))
    wanted = [[by_recursion(a, b, band) for b in columns] for a in rows]
    np.testing.assert_allclose(warped_distances(rows, columns, window), wanted)


def test_a_window_of_nothing_is_the_euclidean_distance():
    rows, columns = some((20,) * 4, 1), some((20,) * 3, 1)
    wanted = [[((a - b) ** 2).sum() for b in columns] for a in rows]
    np.testing.assert_allclose(warped_distances(rows, columns, 0.0), wanted)


def test_a_series_that_runs_slower_is_at_no_distance():
    series = some((15,))[0]
    assert warped_distances([series], [series.repeat(3, axis=0)])[0, 0] == 0


def test_the_cells_bound_the_work():
    rows, columns = some((20,) * 4, 3), some((20,) * 5, 3)
    assert cells(rows, columns) == 4 * 5 * 20 * 20 * 3
    assert cells(rows, columns, 0.1) == 4 * 5 * 20 * 5 * 3
