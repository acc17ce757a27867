"""A run's folder belongs to one run, and its files are whole at every moment."""

import json
import os
import threading
from pathlib import Path

import pytest

from throughtime.errors import UserError
from throughtime.files import replacing
from throughtime.run.folder import RunFolder, existing_run, token, write_json


def test_of_many_claims_at_once_one_succeeds(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def claim() -> None:
        start.wait()
        try:
            folder.claim()
            outcomes.append("claimed")
        except UserError:
            outcomes.append("refused")

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["claimed"] + ["refused"] * 7


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, {"status": "running"})
    with pytest.raises(OSError, match="disk"), replacing(path) as file:
        file.write(b"half of")
        raise OSError("no space left on disk")
    assert json.loads(path.read_text()) == {"status": "running"}
    assert os.listdir(tmp_path) == ["results.json"]


def test_a_folder_that_cannot_be_made_is_told_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"hydra\.run\.dir="):
        RunFolder(tmp_path / "file" / "run").claim()


def test_a_folder_without_a_run_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"resume=.*no such folder"):
        existing_run(str(tmp_path / "none"), "resume")
    with pytest.raises(UserError, match=r"resume=.*holds no config\.yaml"):
        existing_run(str(tmp_path), "resume")


def test_tokens_of_two_runs_differ_almost_always() -> None:
    tokens = {token() for _ in range(100)}
    assert len(tokens) > 90
    assert all(len(one) == 4 and int(one, 16) >= 0 for one in tokens)
