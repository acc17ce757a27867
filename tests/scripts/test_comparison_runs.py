"""The runs of a comparison are begun, gone on with and left as they are, and no file of someone else is replaced."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from comparisons import runs

from throughtime.errors import UserError


@pytest.mark.parametrize(
    ("status", "begins"), [(None, "cell=gru"), ("interrupted", "resume="), ("completed", None)]
)
def test_a_run_is_begun_or_gone_on_with_once(
    status: str | None, begins: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def run(command: list[str], **options: object) -> CompletedProcess:
        calls.append(command[2:])
        return CompletedProcess(command, 0)

    monkeypatch.setattr(runs.subprocess, "run", run)
    if status is not None:
        (tmp_path / "results.json").write_text(json.dumps({"status": status, "overrides": ["cell=gru"]}))
    runs.train("gru", ["cell=gru"], tmp_path)
    assert [words[0][: len(begins)] for words in calls] == [begins] if begins else not calls
    assert all(str(tmp_path) in words[-1] for words in calls)


@pytest.mark.parametrize("status", ["completed", "interrupted"])
def test_a_run_with_other_settings_is_not_taken_for_the_one_asked_for(status: str, tmp_path: Path) -> None:
    recorded = {"status": status, "overrides": ["cell=gru", "trainer.max_steps=10"]}
    (tmp_path / "results.json").write_text(json.dumps(recorded))
    with pytest.raises(UserError, match=r"other settings \(trainer\.max_steps=10, trainer\.max_steps=20\)"):
        runs.train("gru", ["cell=gru", "trainer.max_steps=20"], tmp_path)


def test_a_run_that_fails_ends_the_comparison_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs.subprocess, "run", lambda command, **options: CompletedProcess(command, 2))
    with pytest.raises(UserError, match=r"gru: train\.py ended with code 2"):
        runs.train("gru", [], tmp_path)


def test_a_file_of_someone_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "table.md").write_text("mine")
    with pytest.raises(UserError, match=r"table\.md is not of an earlier comparison"):
        runs.check_folder(tmp_path, ["table.md"], ["gru 1"])
    runs.check_folder(tmp_path / "new", ["table.md"], ["gru 1"])
    (tmp_path / runs.folder_of("gru 1")).mkdir()
    (tmp_path / runs.folder_of("gru 1") / "results.json").write_text("{}")
    runs.check_folder(tmp_path, ["table.md"], ["gru 1"])


def test_the_folders_of_different_names_are_plain_words() -> None:
    assert runs.folder_of("lstm, init=chrono") == "lstm--init-chrono"


def test_seeds_are_numbers() -> None:
    assert runs.seeds_of("1,3") == [1, 3]
    with pytest.raises(UserError, match=r"--seeds 1,x must be whole numbers"):
        runs.seeds_of("1,x")
