"""Seeds are taken together as a statistician would by hand, whatever order the runs are found in."""

import math
import random
from collections.abc import Callable

import pytest
from scipy import stats

from throughtime.errors import UserError
from throughtime.report.record import Record
from throughtime.report.summary import Spread, by_task, exceeds_spread, judge, spread, summary_rows


def test_mean_and_deviation_are_those_by_hand() -> None:
    """1, 2 and 6: mean 3; squared distances 4 + 1 + 9 = 14, over n - 1 = 2 gives 7."""
    assert spread([1.0, 2.0, 6.0]) == Spread(3.0, math.sqrt(7), 3)
    assert spread([5.0]) == Spread(5.0, None, 1)
    assert spread([math.nan, None, math.inf]) is None
    assert spread([1.0, math.nan, 3.0]) == Spread(2.0, math.sqrt(2), 2)


@pytest.fixture
def sweep(record: Callable[..., Record]) -> list[Record]:
    scores = {"lstm": (1.50, 1.51, 1.49), "gru": (1.52, 1.48, 1.51), "elman": (2.0, 2.02, 1.99)}
    return [
        record(cell, seed=seed, best=best, seconds=10.0 * seed)
        for cell, bests in scores.items()
        for seed, best in enumerate(bests, 1)
    ]


def test_a_row_is_a_configuration_with_its_seeds(sweep: list[Record]) -> None:
    rows = summary_rows(sweep)
    assert [row.values for row in rows] == [{"cell": "lstm"}, {"cell": "gru"}, {"cell": "elman"}]
    assert rows[0].score.mean == pytest.approx(1.5) and rows[0].score.deviation == pytest.approx(0.01)
    assert [row.score.count for row in rows] == [3, 3, 3]
    assert rows[0].seconds == 20.0 and rows[0].parameters == 1000
    assert rows[0].metrics["test/bpc"].mean == pytest.approx(1.4)


def test_no_order_of_the_runs_changes_anything(sweep: list[Record]) -> None:
    expected = summary_rows(sweep)
    for number in range(5):
        mixed = random.Random(number).sample(sweep, len(sweep))
        assert summary_rows(mixed) == expected


def test_the_best_is_first_in_either_direction(record: Callable[..., Record]) -> None:
    for mode, expected in (("min", [1.0, 2.0]), ("max", [2.0, 1.0])):
        rows = summary_rows([record("gru", best=2.0, mode=mode), record("lstm", best=1.0, mode=mode)])
        assert [row.score.mean for row in rows] == expected and rows[0].verdict == "best"


def test_rows_are_judged_within_their_data_set(record: Callable[..., Record]) -> None:
    """The scores of an easy data set say nothing about those of a hard one."""
    scores = {
        "Parity": {"lstm": (1.0, 1.01), "gru": (2.0, 2.01)},
        "Adding": {"lstm": (7.0, 7.01), "gru": (6.0, 6.01)},
    }
    runs = [
        record(cell, seed=seed, best=best, set={"data.rule._target_": data})
        for data, cells in scores.items()
        for cell, bests in cells.items()
        for seed, best in enumerate(bests, 1)
    ]
    lengths = [record("lstm", seed=seed, best=9.0 + seed, set={"data.length": 99}) for seed in (1, 2)]
    rows = summary_rows([*runs, *lengths])
    assert [row.verdict for row in rows] == ["best", "worse", "best", "worse", "best"]
    means = [1.005, 2.005, 6.005, 7.005, 10.5]
    assert [row.score.mean for row in sorted(rows, key=lambda row: row.score.mean)] == pytest.approx(means)


def test_only_completed_runs_count_and_the_others_are_told(record: Callable[..., Record]) -> None:
    (row,) = summary_rows(
        [
            record(seed=1, best=1.0),
            record(seed=2, best=9.0, status="interrupted"),
            record(seed=3, best=None, status="failed"),
            record(seed=4, best=math.nan),
        ]
    )
    assert row.score == Spread(1.0, None, 1)
    assert (row.failed, row.unfinished) == (2, 1)


def test_a_run_without_validation_did_not_fail(record: Callable[..., Record]) -> None:
    (row,) = summary_rows([record(best=None, metrics={"test/bpc": 1.5})])
    assert row.failed == 0 and row.metrics == {"test/bpc": Spread(1.5, None, 1)}


def test_a_configuration_that_only_failed_stands_last(record: Callable[..., Record]) -> None:
    rows = summary_rows([record("gru", best=None, status="failed", parameters=0), record("lstm")])
    assert [row.values["cell"] for row in rows] == ["lstm", "gru"]
    assert rows[1].score is None and rows[1].parameters is None and rows[1].verdict == "–"


def test_a_repetition_of_the_same_seed_is_no_further_evidence(record: Callable[..., Record]) -> None:
    (row,) = summary_rows(
        [record(seed=1, status="failed", best=None), record(seed=1), record(seed=1), record(seed=2)]
    )
    assert row.score.count == 2 and row.failed == 0


def test_rows_by_one_key_pool_what_else_differs(record: Callable[..., Record]) -> None:
    runs = [record("gru", best=float(size), set={"cell.hidden_size": size}) for size in (1, 3)]
    (row,) = summary_rows(runs, by=["cell"])
    assert row.score == Spread(2.0, math.sqrt(2), 2)


def test_tasks_and_monitors_are_not_compared(record: Callable[..., Record]) -> None:
    runs = [record(), record(task="tagging"), record(task="tagging", monitor="val/f1", mode="max")]
    assert list(by_task(runs)) == ["tagging by val/bpc", "tagging by val/f1", "textgen"]
    with pytest.raises(UserError, match="cannot be compared"):
        summary_rows(runs)


def test_the_verdict_is_that_of_welchs_test() -> None:
    """Against scipy's own test of two samples, at the same one-sided level."""
    generator = random.Random(1)
    for number in range(50):
        one = [generator.gauss(0.0, 1.0) for _ in range(2 + number % 4)]
        other = [generator.gauss(1.5, 0.3) for _ in range(3)]
        lower = stats.ttest_ind(one, other, equal_var=False).pvalue / 2
        assert exceeds_spread(spread(one), spread(other), 0.05) is bool(lower < 0.05)


def test_a_single_value_has_no_spread_to_exceed() -> None:
    assert exceeds_spread(Spread(1.0, None, 1), Spread(9.0, 0.1, 3), 0.05) is None


def test_where_no_seed_matters_any_difference_counts() -> None:
    same = Spread(1.0, 0.0, 3)
    assert (
        exceeds_spread(same, Spread(1.1, 0.0, 3), 0.05) is True and exceeds_spread(same, same, 0.05) is False
    )


def test_far_apart_is_worse_and_close_is_unclear(sweep: list[Record]) -> None:
    assert [row.verdict for row in summary_rows(sweep)] == ["best", "unclear", "worse"]


def test_the_truly_best_is_called_worse_in_at_most_one_table_of_twenty(record: Callable[..., Record]) -> None:
    """Of five equally good configurations any one may be the truly best; few tables call it worse."""
    generator = random.Random(0)
    template = summary_rows([record("lstm"), record("gru")])[0]
    wrong = 0
    for _ in range(1000):
        rows = []
        for number in range(5):
            drawn = spread([generator.gauss(0.0, 1.0) for _ in range(3)])
            rows.append(
                type(template)(**vars(template) | {"values": {"x": number}, "metrics": {"val/bpc": drawn}})
            )
        judged = judge(sorted(rows, key=lambda row: row.score.mean))
        wrong += next(row.verdict for row in judged if row.values["x"] == 0) == "worse"
    assert wrong / 1000 < 0.05


@pytest.mark.parametrize("key", ["data.fold", "data.resample"])
def test_the_folds_of_a_cross_validation_are_one_row_with_their_spread(
    record: Callable[..., Record], key: str
) -> None:
    folds = [
        record(cell, seed=1, best=best + place, set={"data.folds": 3, key: fold})
        for place, cell in enumerate(("lstm", "gru"))
        for fold, best in enumerate((1.0, 1.2, 1.1))
    ]
    rows = summary_rows(folds)
    assert [row.values for row in rows] == [{"cell": "lstm"}, {"cell": "gru"}]
    assert rows[0].score.mean == pytest.approx(1.1) and rows[0].score.deviation == pytest.approx(0.1)
    assert [row.score.count for row in rows] == [3, 3]
