from benchmarks.interleaved import MAX_ROUNDS, MIN_ROUNDS, compare_rates, median_seconds


def test_both_sides_run_equally_often_and_alternate_in_order():
    order = []
    *_, rounds = median_seconds(lambda: order.append("ours"), lambda: order.append("theirs"), 0.0)
    assert rounds == MIN_ROUNDS
    rounds = [tuple(order[i : i + 2]) for i in range(2, len(order), 2)]
    assert rounds == [("ours", "theirs"), ("theirs", "ours"), ("ours", "theirs")]


def test_the_number_of_rounds_is_limited():
    assert median_seconds(lambda: None, lambda: None, 1e9)[2] == MAX_ROUNDS


def test_ratios_are_those_of_each_round():
    ours, theirs = iter([9.0, 2.0, 6.0, 4.0]), iter([9.0, 1.0, 2.0, 4.0])
    found = compare_rates(lambda: next(ours), lambda: next(theirs), rounds=3)
    assert (found["ratio (lowest)"], found["ratio (median)"], found["ratio (highest)"]) == (1.0, 2.0, 3.0)
