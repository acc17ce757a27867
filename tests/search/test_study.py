"""The study of a search is whole or not there, and many processes may write to it."""

import multiprocessing
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler

from throughtime.callback.pruning import STUDY, STUDY_FILE, open_storage
from throughtime.errors import UserError
from throughtime.search import study as search_study
from throughtime.search.study import create_study, open_study


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_study_that_is_missing_or_damaged_is_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / STUDY_FILE).write_bytes(content)
    with pytest.raises(UserError, match="start it anew"):
        open_study(tmp_path, RandomSampler())
    assert content is None or (tmp_path / STUDY_FILE).exists()


def test_what_lies_there_stays(tmp_path: Path) -> None:
    create_study(tmp_path, ["minimize", "maximize"])
    study = open_study(tmp_path, RandomSampler())
    study.ask()
    create_study(tmp_path, ["minimize"])
    again = open_study(tmp_path, RandomSampler())
    assert [direction.name for direction in again.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert len(again.trials) == 1


def test_one_that_was_killed_while_it_was_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(search_study.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            create_study(tmp_path, ["minimize"])
    assert not (tmp_path / STUDY_FILE).exists()
    create_study(tmp_path, ["minimize"])
    assert open_study(tmp_path, RandomSampler()).study_name == STUDY
    assert [path.name for path in tmp_path.iterdir()] == [STUDY_FILE]


def report(folder: Path, number: int) -> None:
    storage = open_storage(folder / STUDY_FILE)
    trial = storage.get_trial_id_from_study_id_trial_number(storage.get_study_id_from_name(STUDY), number)
    for step in range(6):
        storage.set_trial_intermediate_value(trial, step, float(number))


def test_workers_that_report_at_once_wait_for_each_other(tmp_path: Path) -> None:
    create_study(tmp_path, ["minimize"])
    study = open_study(tmp_path, RandomSampler())
    for _ in range(3):
        study.ask()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=report, args=(tmp_path, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    for trial in study.trials:
        assert trial.intermediate_values == {step: float(trial.number) for step in range(6)}
