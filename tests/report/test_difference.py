"""Two runs differ in what was changed between them, and in nothing else."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.errors import UserError
from throughtime.report.difference import compare, difference
from throughtime.report.record import read


def test_a_run_does_not_differ_from_itself(swept: Path) -> None:
    shown = difference(str(swept / "0"), str(swept / "0"))
    assert shown.count("no difference") == 4


def test_what_was_changed_is_told_and_the_data_are_the_same(swept: Path) -> None:
    found = compare(read(swept / "0"), read(swept / "2"))
    assert found["configuration"]["cell._target_"][1].endswith("GRU")
    assert found["environment"] == {} and found["data"] == {}
    assert {"best", "val/bpc", "test/bpc"} <= set(found["metrics"])
    assert set(compare(read(swept / "0"), read(swept / "1"))["configuration"]) == {"seed", "data.seed"}


def test_another_machine_and_other_data_are_told(run: Callable[..., Path], tmp_path: Path) -> None:
    paths = [run(tmp_path / name) for name in "ab"]
    for path, threads in zip(paths, (1, 2), strict=True):
        content = {"threads": threads, "command": [str(path)], "data": {"tokens": {"train": threads}}}
        (path / "environment.json").write_text(json.dumps(content))
    found = compare(*map(read, paths))
    assert found["environment"] == {"threads": (1, 2)} and found["data"] == {"data.tokens.train": (1, 2)}


@pytest.mark.parametrize("format", ["terminal", "markdown", "csv", "json"])
def test_every_format_tells_it(format: str, swept: Path) -> None:
    shown = difference(str(swept / "0"), str(swept / "1"), format)
    assert "seed" in shown and (format != "terminal" or max(map(len, shown.splitlines())) <= 80)
    if format == "csv":
        assert {"part", "key", "first", "second"} == set(next(csv.DictReader(io.StringIO(shown))))


def test_what_is_no_run_is_a_mistake(swept: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        difference(str(swept / "0"), str(swept / "9"))
    with pytest.raises(UserError, match="not the folder of a run"):
        difference(str(swept), str(swept / "0"))
