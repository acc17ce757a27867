"""Tables fit into 80 columns whatever is compared, and what programs read back is what was measured."""

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from throughtime.errors import UserError
from throughtime.report.page import report
from throughtime.report.record import Record
from throughtime.report.summary import summary_rows
from throughtime.report.table import FORMATS, csv_cell, render, serialise

MANY = {f"group{number}.a_setting_with_a_long_name_{number}": number for number in range(15)}


def search(record: Callable[..., Record], keys: int) -> list[Record]:
    """Runs that differ in many keys, with a long path among their values."""
    names = list(MANY)[:keys]
    path = "/a/very/long/path/to/some/place/far/away/from/here.txt"
    return [
        record(
            seed=seed, best=best * 1234.5, set={name: best * number for number, name in enumerate(names, 1)}
        )
        for seed in (1, 2)
        for best in (1.0, 2.5, 7.75)
    ] + [record("gru", best=None, status="failed", set={"data.path": path}, error="out of memory")]


@pytest.mark.parametrize("keys", [0, 1, 3, 15])
@pytest.mark.parametrize("draw", [lambda runs: render(summary_rows(runs)), render])
def test_a_terminal_of_80_columns_shows_everything(
    keys: int, draw: Callable[[list[Record]], str], record: Callable[..., Record]
) -> None:
    shown = draw(search(record, keys))
    assert max(map(len, shown.splitlines())) <= 80
    assert "val/bpc" in shown and "gru" in shown


def test_few_keys_have_columns_of_their_own(record: Callable[..., Record]) -> None:
    lines = render(summary_rows([record("lstm", best=1.5), record("gru", best=1.25)])).splitlines()
    assert lines[0].split()[:3] == ["cell", "val/bpc", "test/bpc"]
    assert lines[2].split() == ["gru", "1.25", "1.15", "1", "1,000", "0:10", "best"]
    assert lines[3].split() == ["lstm", "1.5", "1.4", "1", "1,000", "0:10", "–"]


def test_where_there_are_many_keys_only_what_is_unusual_is_told(record: Callable[..., Record]) -> None:
    runs = [record(set=MANY | {"group1.a_setting_with_a_long_name_1": value}) for value in (1, 1, 1, 99)]
    runs += [record(set=MANY | {"x.y": 3})]
    lines = render(summary_rows(search(record, 15) + runs)).splitlines()
    assert lines[0].startswith("configuration")


def test_csv_gives_back_every_number(record: Callable[..., Record]) -> None:
    runs = [record(cell, seed=seed, best=seed / 3) for cell in ("lstm", "gru") for seed in (1, 2)]
    lines = list(csv.DictReader(io.StringIO(render(summary_rows(runs), "csv"))))
    assert [line["cell"] for line in lines] == ["gru", "lstm"] or [line["cell"] for line in lines] == [
        "lstm",
        "gru",
    ]
    assert float(lines[0]["mean"]) == 0.5 and lines[0]["n"] == "2" and lines[0]["monitor"] == "val/bpc"
    assert float(lines[0]["sd"]) == pytest.approx(math.sqrt(1 / 18))
    each = list(csv.DictReader(io.StringIO(render(runs, "csv"))))
    assert [float(line["best"]) for line in each] == [run.best for run in runs]
    assert [line["seed"] for line in each] == ["1", "2", "1", "2"]


def test_failed_jobs_are_in_the_tables(record: Callable[..., Record]) -> None:
    runs = [record(seed=1), record(seed=2, best=None, status="failed", error="ValueError: no")]
    assert "ValueError: no" in render(runs, "csv")
    shown = render(summary_rows(runs)).splitlines()
    assert "failed" in shown[0] and shown[2].split()[2:4] == ["1", "1"]


def test_json_is_json_even_of_what_is_no_number(record: Callable[..., Record]) -> None:
    runs = [record(best=math.nan), record("gru")]
    assert json.loads(render(runs, "json"))[0]["best"] is None
    assert {line["cell"] for line in json.loads(render(summary_rows(runs), "json"))} == {"lstm", "gru"}


def test_markdown_keeps_its_columns_whatever_the_text(record: Callable[..., Record]) -> None:
    runs = [record(set={"data.path": text}) for text in ("a|b", "*c*_d_")]
    lines = [line for line in render(summary_rows(runs), "markdown").splitlines() if line.startswith("|")]
    assert len(lines) == 4 and len({line.replace("\\|", "").count("|") for line in lines}) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_no_runs_are_no_mistake(format: str) -> None:
    assert render([], format) and render([], format)


def test_a_metric_that_is_asked_for_is_shown(record: Callable[..., Record]) -> None:
    runs = [record(metrics={"val/f1": 0.25})]
    assert "0.25" in render(summary_rows(runs), metrics=["val/f1"])
    assert "0.25" in render(runs, metrics=["val/f1"])


def test_another_format_is_a_mistake() -> None:
    with pytest.raises(UserError, match="format=html is not known"):
        render([], "html")


HOSTILE = "\x1b[2J\x9b31m<script>alert(1)</script> & ![x](http://a) `c` \u202e"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("single", [True, False])
def test_no_format_passes_on_what_a_terminal_or_a_browser_acts_on(
    format: str, single: bool, record: Callable[..., Record]
) -> None:
    hostile = {"monitor": HOSTILE, "error": HOSTILE, "status": HOSTILE if single else "completed"}
    runs = [
        record(set={"data.path": text, HOSTILE: text}, metrics={HOSTILE: 1.0}, task=HOSTILE, **hostile)
        for text in (HOSTILE, "b")
    ]
    written = report(runs, format, single=single)
    assert all(one.isprintable() or one == "\n" for one in written)
    assert "[2J" in written
    if format in ("markdown", "json"):
        assert "<script" not in written
    if format == "markdown":
        assert "![x](" not in written and "`c`" not in written.replace("\\`", "")
    if format == "json":
        assert any(HOSTILE in line.values() for line in json.loads(written))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\x09=1"),
        ("\r=1", "'\\x0d=1"),
        ("  =1", "'  =1"),
        *((number, number) for number in ("-1.5", "+2", "-.5e-3", "1e5", "-inf", "nan", "", "gru", "a=b")),
        *((number, number) for number in (-1.5, -2, 0, None, True)),
    ],
)
def test_a_spreadsheet_finds_no_formula_and_every_number(value: Any, written: Any) -> None:
    assert csv_cell(value) == written
    (line,) = csv.DictReader(io.StringIO(serialise([{"key": value, "=head": 1}], "csv")))
    assert line == {"key": "" if written is None else str(written), "'=head": "1"}
