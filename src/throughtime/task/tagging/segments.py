"""Metrics of segments, which are runs of frames with one tag: edit score and F1 at an overlap.

After Lea, Flynn, Vidal, Reiter & Hager 2017, Temporal Convolutional Networks for Action Segmentation and Detection,
arXiv 1611.05267, with all tags counted alike, and from 0 to 1.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

OVERLAPS = (10, 25, 50)
"""Percentages of overlap at which F1 is measured."""


class Segment(NamedTuple):
    """Frames from `start` to before `stop` with one tag."""

    tag: int
    start: int
    stop: int


def segments(tags: Sequence[int]) -> list[Segment]:
    """The runs of equal tags, in their order."""
    found, start = [], 0
    for tag, run in groupby(tags):
        stop = start + len(list(run))
        found.append(Segment(tag, start, stop))
        start = stop
    return found


def edit_score(expected: Sequence[int], predicted: Sequence[int]) -> float:
    """1 - d(P, G) / max(|P|, |G|) of the tags of the segments in their order, d the Levenshtein distance.

    It counts segments that are missing, in excess or in another order, and not when they begin and end.
    """
    true, found = ([one.tag for one in segments(tags)] for tags in (expected, predicted))
    distances = list(range(len(found) + 1))
    for row, tag in enumerate(true, 1):
        above = distances
        distances = [row]
        for column, other in enumerate(found, 1):
            distances.append(min(above[column] + 1, distances[-1] + 1, above[column - 1] + (tag != other)))
    return 1 - distances[-1] / max(len(true), len(found), 1)


def matched(expected: Sequence[int], predicted: Sequence[int], percent: int) -> int:
    """The predicted segments that are right (true positives).

    Each predicted segment is compared with the true one of its tag that it overlaps most (intersection over union); it
    is right where that overlap is at least `percent` and no earlier predicted segment was right by the same true one.
    """
    true = segments(expected)
    used = [False] * len(true)
    count = 0
    for one in segments(predicted):
        overlaps = [_overlap(one, other) for other in true]
        best = max(range(len(true)), key=overlaps.__getitem__)
        if 100 * overlaps[best] >= percent and overlaps[best] > 0 and not used[best]:
            used[best] = True
            count += 1
    return count


def segment_scores(lanes: Sequence[tuple[Sequence[int], Sequence[int]]]) -> dict[str, float]:
    """`edit`, the mean over recordings, and `f1_10`, `f1_25` and `f1_50`, over the segments of all recordings.

    Args:
        lanes: the true and the predicted tags of each recording.
    """
    scores = {"edit": sum(edit_score(*lane) for lane in lanes) / max(len(lanes), 1)}
    total = sum(len(segments(tags)) for lane in lanes for tags in lane)
    for percent in OVERLAPS:
        scores[f"f1_{percent}"] = 2 * sum(matched(*lane, percent) for lane in lanes) / max(total, 1)
    return scores


def _overlap(one: Segment, other: Segment) -> float:
    """Intersection over union; 0 of segments with other tags."""
    shared = min(one.stop, other.stop) - max(one.start, other.start)
    if one.tag != other.tag or shared <= 0:
        return 0.0
    return shared / (max(one.stop, other.stop) - min(one.start, other.start))
