"""A report over many folders: a table a task, narrowed down and ordered as asked for."""

import csv
import io
import json
from collections.abc import Callable

import pytest

from throughtime.errors import UserError
from throughtime.report.page import report
from throughtime.report.record import Record


@pytest.fixture
def runs(record: Callable[..., Record]) -> list[Record]:
    texts = [
        record(cell, seed=seed, best=best) for cell, best in (("lstm", 1.5), ("gru", 1.7)) for seed in (1, 2)
    ]
    tags = {"task": "tagging", "monitor": "val/f1", "mode": "max", "metrics": {"val/f1": 0.5}}
    return [*texts, record("gru", best=0.5, **tags)]


def test_each_task_has_a_table(runs: list[Record]) -> None:
    shown = report(runs)
    assert shown.index("tagging, 1 runs") < shown.index("textgen, 4 runs")
    assert report(runs, "markdown").count("## ") == 2


def test_a_key_of_one_task_orders_its_table_alone(runs: list[Record]) -> None:
    shown = report(runs, sort="test/bpc", reverse=True, metrics=["test/bpc"])
    assert "tagging" in shown and shown.index("gru", shown.index("textgen")) < shown.index("lstm")


def test_lines_are_configurations_or_runs(runs: list[Record]) -> None:
    rows = list(csv.DictReader(io.StringIO(report(runs, "csv"))))
    assert [(row["task"], row["n"]) for row in rows] == [("tagging", "1"), ("textgen", "2"), ("textgen", "2")]
    each = json.loads(report(runs, "json", single=True, sort="seed"))
    assert [line["seed"] for line in each if line["task"] == "textgen"] == [1, 1, 2, 2]


def test_a_key_that_no_run_has_is_a_mistake(runs: list[Record]) -> None:
    for asked in ({"sort": "val/bcp"}, {"by": ["cel"]}, {"metrics": ["test/f1"]}):
        with pytest.raises(UserError, match="is in none of these runs"):
            report(runs, **asked)


def test_of_no_runs_there_is_a_page_too() -> None:
    assert report([]) == "no runs\n" and report([], "json") == "[]\n"
