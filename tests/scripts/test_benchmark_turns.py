from benchmarks.turns import FEWEST_ROUNDS, MOST_ROUNDS, compare, medians


def test_both_sides_work_equally_often_and_begin_in_turns():
    order = []
    *_, rounds = medians(lambda: order.append("ours"), lambda: order.append("theirs"), 0.0)
    assert rounds == FEWEST_ROUNDS
    turns = [tuple(order[i : i + 2]) for i in range(2, len(order), 2)]
    assert turns == [("ours", "theirs"), ("theirs", "ours"), ("ours", "theirs")]


def test_what_is_quick_is_not_repeated_for_ever():
    assert medians(lambda: None, lambda: None, 1e9)[2] == MOST_ROUNDS


def test_a_ratio_of_rates_is_taken_turn_by_turn():
    ours, theirs = iter([9.0, 2.0, 6.0, 4.0]), iter([9.0, 1.0, 2.0, 4.0])
    found = compare(lambda: next(ours), lambda: next(theirs), rounds=3)
    assert (found["ratio (lowest)"], found["ratio (median)"], found["ratio (highest)"]) == (1.0, 2.0, 3.0)
