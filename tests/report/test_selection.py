"""Runs are chosen and ordered by anything that they tell, and a key that none has is a mistake with a hint."""

from collections.abc import Callable

import pytest

from throughtime.errors import UserError
from throughtime.report.record import Record
from throughtime.report.selection import full_key, look_up, ordered, select_runs


@pytest.fixture
def runs(record: Callable[..., Record]) -> list[Record]:
    return [
        record("lstm", seed=1, best=1.5, set={"optim.lr": 0.001}),
        record("gru", seed=2, best=2.5, set={"optim.lr": 0.01}),
        record("gru", seed=3, best=None, status="failed", set={"data.path": "a b=c.txt"}),
    ]


@pytest.mark.parametrize(
    ("conditions", "seeds"),
    [
        (["cell=gru"], [2, 3]),
        (["cell=gru", "status=completed"], [2]),
        (["cell!=gru"], [1]),
        (["val/bpc<2"], [1]),
        (["val/bpc >= 2.5"], [2]),
        (["test/bpc<100"], [1, 2]),
        (["optim.lr=1e-3"], [1]),
        (["lr=0.010"], [2, 3]),
        (["seed>1"], [2, 3]),
        (["status==failed"], [3]),
        (["data.path=a b=c.txt"], [3]),
        (["data.path=null"], [1, 2]),
        ([], [1, 2, 3]),
    ],
)
def test_conditions_select(conditions: list[str], seeds: list[int], runs: list[Record]) -> None:
    assert [record.seed for record in select_runs(runs, conditions)] == seeds


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("cell", "write a key, one of"),
        ("cel=gru", "cel is in none of these runs; did you mean cell?"),
        ("val/bpc<low", "'low' is not a number"),
        ("seed.x=1", "seed.x is in none"),
    ],
)
def test_a_condition_that_says_nothing_is_a_mistake(
    condition: str, sentence: str, runs: list[Record]
) -> None:
    with pytest.raises(UserError) as mistake:
        select_runs(runs, [condition])
    assert sentence in str(mistake.value)


def test_an_ending_is_enough_where_it_is_no_other_keys(record: Callable[..., Record]) -> None:
    runs = [record(set={"model.front.size": 3, "model.back.size": 4})]
    assert full_key("lr", runs) == "optim.lr" and full_key("front.size", runs) == "model.front.size"
    with pytest.raises(UserError, match=r"size may be model\.back\.size, model\.front\.size"):
        full_key("size", runs)


def test_the_monitored_metric_is_its_best_value(runs: list[Record]) -> None:
    assert (
        look_up(runs[0], "val/bpc") == 1.5
        and look_up(runs[0], "test/bpc") == 1.4
        and look_up(runs[2], "val/bpc") is None
    )


def test_an_order_is_by_number_and_what_is_missing_stands_last() -> None:
    values = [10, None, 9.5, float("nan"), 2]
    for reverse, expected in ((False, [2, 9.5, 10]), (True, [10, 9.5, 2])):
        assert ordered(values, lambda value: value, reverse)[:3] == expected
    assert ordered(["b", 3, "a"], lambda value: value) == [3, "a", "b"]
