"""The metrics of segments."""

import numpy as np
import pytest

from throughtime.task.tagging.segments import edit_score, matched, segment_scores, segments

TRUE = [0] * 10 + [1] * 10 + [2] * 10


def test_segments_are_runs_of_one_tag():
    assert segments([3, 3, 1, 3]) == [(3, 0, 2), (1, 2, 3), (3, 3, 4)]
    assert segments([]) == []


def test_a_perfect_prediction_has_one_everywhere():
    assert set(segment_scores([(TRUE, TRUE), ([1], [1])]).values()) == {1.0}


def test_the_edit_score_ignores_where_segments_begin_and_counts_those_in_excess():
    shifted = [0] * 2 + [1] * 25 + [2] * 3
    assert edit_score(TRUE, shifted) == 1
    flicker = [0] * 10 + [1] * 4 + [0] + [1] * 5 + [2] * 10  # 0 1 0 1 2
    assert edit_score(TRUE, flicker) == pytest.approx(1 - 2 / 5)
    assert edit_score(TRUE, [2] * 30) == pytest.approx(1 - 2 / 3)
    assert edit_score(TRUE, flicker) == edit_score(flicker, TRUE)


def test_f1_at_an_overlap_by_hand():
    found = [0] * 5 + [1] * 15 + [2] * 10  # overlaps 5/10, 10/15, 10/10
    assert [matched(TRUE, found, percent) for percent in (10, 50, 60, 90)] == [3, 3, 2, 1]
    assert segment_scores([(TRUE, found)])["f1_50"] == 1
    assert matched(TRUE, [1] * 30, 25) == 1 and matched(TRUE, [1] * 30, 50) == 0


def test_a_true_segment_makes_one_predicted_segment_right():
    found = [0] * 5 + [1] + [0] * 4 + [1] * 10 + [2] * 10  # 0 is found twice
    scores = segment_scores([(TRUE, found)])
    assert matched(TRUE, found, 10) == 3
    assert scores["f1_10"] == pytest.approx(2 * 3 / (3 + 5))


def test_scores_lie_between_0_and_1_and_fall_with_the_overlap():
    generator = np.random.default_rng(0)
    for _ in range(50):
        lanes = [tuple(generator.integers(0, 3, 12).tolist() for _ in range(2)) for _ in range(3)]
        scores = segment_scores(lanes)
        assert all(0 <= value <= 1 for value in scores.values())
        assert scores["f1_10"] >= scores["f1_25"] >= scores["f1_50"]
