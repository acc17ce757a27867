"""Runs are found wherever they lie; one that cannot be read is told and hides no other."""

import logging
import math
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.config.recorded import LARGEST
from throughtime.errors import UserError
from throughtime.report.record import find, read


def test_a_run_is_read_with_its_configuration_by_dotted_keys(
    run: Callable[..., Path], tmp_path: Path
) -> None:
    record = read(run(tmp_path / "a", seed=7, best=2.5))
    assert (record.seed, record.best, record.status, record.error) == (7, 2.5, "completed", None)
    assert record.config["cell.hidden_size"] == 8 and record.path == tmp_path / "a"


def test_a_failed_run_tells_the_last_line_of_its_error(run: Callable[..., Path], tmp_path: Path) -> None:
    folder = run(tmp_path / "a", status="failed", best=None)
    (folder / "error.txt").write_text("Traceback:\n  …\nRuntimeError: out of memory\n\n")
    assert read(folder).error == "RuntimeError: out of memory"


def test_runs_are_found_at_any_depth_once_and_in_order(run: Callable[..., Path], tmp_path: Path) -> None:
    made = [run(tmp_path / name) for name in ("a/b/c", "a/x", "z")]
    found = find([tmp_path / "z", tmp_path, tmp_path / "a" / "." / "x"])
    assert [record.path.resolve() for record in found] == made


def test_jobs_stand_in_the_order_of_their_numbers(run: Callable[..., Path], tmp_path: Path) -> None:
    for number in (10, 2, 1):
        run(tmp_path / str(number))
    assert [record.path.name for record in find([tmp_path])] == ["1", "2", "10"]


def test_a_value_that_is_no_number_is_read(run: Callable[..., Path], tmp_path: Path) -> None:
    assert math.isnan(read(run(tmp_path / "a", best=float("nan"))).best)


@pytest.mark.parametrize(
    "damage",
    [
        *("truncated", "empty", "not results", "no configuration", "not yet written"),
        *("a huge configuration", "an anchor that is used again"),
    ],
)
def test_what_cannot_be_read_is_told_and_hides_no_other(
    damage: str, run: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, broken = run(tmp_path / "whole"), run(tmp_path / "broken")
    results = broken / "results.json"
    if damage == "truncated":
        results.write_text(results.read_text()[:40])
    elif damage == "empty":
        results.write_text("")
    elif damage == "not results":
        results.write_text('{"a": [1]}')
    elif damage == "no configuration":
        (broken / "config.yaml").unlink()
    elif damage == "a huge configuration":
        with (broken / "config.yaml").open("a") as file:
            file.write("#" * LARGEST)
    elif damage == "an anchor that is used again":
        with (broken / "config.yaml").open("a") as file:
            file.write("one: &a [1]\nother: *a\n")
    else:
        results.unlink()
    with caplog.at_level(logging.WARNING):
        assert [record.path for record in find([tmp_path])] == [whole]
    assert "broken" in caplog.text and len(caplog.records) == 1


def test_a_path_that_leads_nowhere_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        find([tmp_path / "none"])
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        find([tmp_path / "file"])


def test_a_real_run_is_read(swept: Path) -> None:
    record = read(swept / "0")
    assert record.status == "completed" and record.choices["cell"] == "elman"
    assert record.config["cell.hidden_size"] == 8 and "test/bpc" in record.metrics


@pytest.mark.parametrize("name", ["results.json", "config.yaml", "error.txt"])
@pytest.mark.parametrize("kind", ["pipe", "huge"])
def test_a_pipe_or_a_huge_file_is_passed_over_and_hides_no_other(
    kind: str, name: str, run: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, broken = run(tmp_path / "whole"), run(tmp_path / "broken")
    (broken / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(broken / name)
    else:
        with (broken / name).open("wb") as file:
            file.truncate(5 << 30)  # takes no space
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with caplog.at_level(logging.WARNING):
        found = [record.path for record in find([tmp_path])]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 18  # KiB
    if name == "error.txt":  # it is the run that is reported, and an error that no run has written is none
        assert found == [broken, whole]
    else:
        assert found == [whole] and len(caplog.records) == 1
        assert name in caplog.text and ("pipe" if kind == "pipe" else "bytes") in caplog.text


def test_a_configuration_that_grows_when_it_is_read_is_passed_over(
    run: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = run(tmp_path / "broken")
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (broken / "config.yaml").write_text("\n".join(lines))
    with caplog.at_level(logging.WARNING):
        assert find([tmp_path]) == []
    assert "anchor" in caplog.text


def test_the_name_of_a_folder_does_not_control_the_terminal(
    run: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = run(tmp_path / "a\x1b[2Jb")
    (broken / "results.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert find([tmp_path]) == []
    assert "\x1b" not in caplog.text and "\\x1b[2J" in caplog.text
