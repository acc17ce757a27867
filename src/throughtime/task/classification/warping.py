"""Dynamic time warping: distances between series whose time runs at different speeds."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

BLOCK = 1 << 16
"""Numbers of one diagonal that are computed at once, so that they stay in the cache."""


def warped_distances(
    rows: Sequence[Float[np.ndarray, "_ C"]],
    columns: Sequence[Float[np.ndarray, "_ C"]],
    window: float | None = None,
) -> Float[np.ndarray, "N M"]:
    """The distance of each pair of series: the least sum of squared differences along a warping path.

        D(i, j) = |a_i - b_j|² + min(D(i-1, j), D(i, j-1), D(i-1, j-1)),    distance = D(n, m)

    Channels are warped together. Source: H. Sakoe & S. Chiba (1978), Dynamic programming algorithm optimization for
    spoken word recognition, IEEE Transactions on Acoustics, Speech, and Signal Processing 26(1).

    Args:
        rows, columns: the series.
        window: |i - j| is at most this share of the longest series (Sakoe-Chiba band); None for no bound. Lengths that
            differ by more have the distance infinity.
    """
    longest = max(len(series) for series in (*rows, *columns))
    band = longest if window is None else math.ceil(window * longest)
    width = max(1, BLOCK // (len(rows) * min(longest, 2 * band + 1)))
    parts = [
        _distances(rows, columns[start : start + width], band) for start in range(0, len(columns), width)
    ]
    return np.concatenate(parts, axis=1)


def cells(
    rows: Sequence[Float[np.ndarray, "_ C"]],
    columns: Sequence[Float[np.ndarray, "_ C"]],
    window: float | None = None,
) -> int:
    """The number of D(i, j) that `warped_distances` computes, times the channels."""
    longest = max(len(series) for series in (*rows, *columns))
    band = longest if window is None else math.ceil(window * longest)
    return len(rows) * len(columns) * longest * min(longest, 2 * band + 1) * rows[0].shape[1]


def _distances(
    rows: Sequence[Float[np.ndarray, "_ C"]], columns: Sequence[Float[np.ndarray, "_ C"]], band: int
) -> Float[np.ndarray, "N M"]:
    """The same for all pairs at once, diagonal i + j = k after diagonal."""
    a, heights = _padded(rows)
    b, widths = _padded(columns)
    n, m = len(a), len(b)
    shape = (n + 1, len(rows), len(columns))  # entry i + 1 of a diagonal is D(i, k - i)
    before, last = np.full(shape, np.inf), np.full(shape, np.inf)
    before[0] = 0  # where every path begins
    ends = heights[:, None] + widths - 2
    found = np.full(shape[1:], np.inf)
    for k in range(n + m - 1):
        low = max(0, k - m + 1, -((band - k) // 2))
        high = min(n - 1, k, (k + band) // 2)
        now = np.full(shape, np.inf)
        if low <= high:
            columns_of = k - np.arange(low, high + 1)
            costs = np.zeros((high - low + 1, *shape[1:]))
            for channel in range(a.shape[-1]):
                costs += (a[low : high + 1, :, None, channel] - b[columns_of, None, :, channel]) ** 2
            best = np.minimum(last[low : high + 1], last[low + 1 : high + 2])
            now[low + 1 : high + 2] = costs + np.minimum(best, before[low : high + 1])
        one, other = np.nonzero(ends == k)
        found[one, other] = now[heights[one], one, other]
        before, last = last, now
    return found


def _padded(
    series: Sequence[Float[np.ndarray, "_ C"]],
) -> tuple[Float[np.ndarray, "n N C"], np.ndarray]:
    """All series in one array, 0 behind their ends; and their lengths."""
    lengths = np.array([len(one) for one in series])
    found = np.zeros((lengths.max(), len(series), series[0].shape[1]))
    for number, one in enumerate(series):
        found[: len(one), number] = one
    return found, lengths
