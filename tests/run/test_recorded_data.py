"""A recorded configuration reads the files that its run was trained on, and no others but those the user names."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.errors import UserError
from throughtime.run.checkpoint_content import FINGERPRINT
from throughtime.run.environment import environment
from throughtime.run.folder import RunFolder
from throughtime.run.recorded_data import (
    check_files,
    check_origin,
    named_files,
    recorded_fingerprint,
    unrecorded_files,
)


class Files:
    """Data of two files, and the checksum of each."""

    def __init__(self, **paths: Path | None) -> None:
        self._paths = {f"data.{key}": None if path is None else str(path) for key, path in paths.items()}

    def paths(self) -> dict[str, str | None]:
        return self._paths

    def fingerprint(self) -> dict[str, Any]:
        found = [path for path in self._paths.values() if path is not None]
        return {
            "files": [
                {"path": path, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
                for path in found
            ]
        }


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    return tmp_path / "one", tmp_path / "two"


def test_files_are_known_by_their_checksums_and_not_by_their_names(texts: tuple[Path, Path]) -> None:
    one, two = texts
    recorded = Files(train_path=one, test_path=two).fingerprint()
    assert unrecorded_files(Files(train_path=one, test_path=None), recorded) == {}
    shutil.copy(one, one.with_name("moved"))
    assert unrecorded_files(Files(train_path=one.with_name("moved")), recorded) == {}
    two.write_text("changed")
    assert "data.test_path" in unrecorded_files(Files(train_path=one, test_path=two), recorded)
    assert unrecorded_files(Files(train_path=one, test_path=two), recorded, {"data.test_path"}) == {}
    one.write_text("changed too")
    assert unrecorded_files(Files(train_path=one, test_path=two), recorded, {"data.test_path"}) == {
        "data.train_path": str(one)
    }


def test_without_a_recorded_checksum_files_of_the_working_folder_alone_are_read(
    texts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Files(path=texts[0])
    monkeypatch.chdir(tmp_path)
    assert unrecorded_files(data, {}) == {}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for fingerprint in ({}, {"sources": {}}, {"files": [{"path": str(texts[0])}]}):
        assert unrecorded_files(data, fingerprint) == {"data.path": str(texts[0])}
    assert unrecorded_files(data, {}, {"data.path"}) == {}


def test_the_error_has_the_command_to_paste(texts: tuple[Path, Path], tmp_path: Path) -> None:
    place = tmp_path / "a b.txt"
    place.write_text("x")
    recorded = Files(path=texts[0]).fingerprint()
    with pytest.raises(UserError, match=r"python train\.py rerun=runs/x 'data\.path=\".*/a b\.txt\"'$"):
        check_files(Files(path=place), recorded, "runs/x", "rerun", ())
    check_files(Files(path=texts[0]), recorded, "runs/x", "rerun", ())


def test_keys_of_files_are_told_from_others() -> None:
    typed = ["data.path=a", "+data.vectors=b", "data.split=[1,0,0]", "trainer.max_steps=3", "~data.test_path"]
    assert named_files([*typed, "init_from=c"]) == {"data.path", "data.vectors", "init_from"}


def test_the_files_of_several_tasks_are_named_one_by_one_or_together(texts: tuple[Path, Path]) -> None:
    assert named_files(["data.path.films=a", "data.sources.films.encoding=b"]) == {"data.path.films"}
    data = Files(**{"path.films": texts[0], "path.tweets": texts[1]})
    other = {"sha256": "0" * 64}
    both = {"data.path.films": str(texts[0]), "data.path.tweets": str(texts[1])}
    assert unrecorded_files(data, other) == unrecorded_files(data, other, {"data.pa"}) == both
    assert unrecorded_files(data, other, {"data.path"}) == {}
    assert unrecorded_files(data, other, set(both)) == {}
    assert list(unrecorded_files(data, other, {"data.path.films"})) == ["data.path.tweets"]


def test_a_repetition_begins_with_the_recorded_checkpoint(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(UserError, match=r"name it to begin with it: .* init_from=other\.ckpt$"):
        check_origin(run, "other.ckpt", "12")
    run.environment.write_text(json.dumps({"init_from": {"sha256": "12"}, "data": [1]}))
    check_origin(run, "other.ckpt", "12")
    assert recorded_fingerprint(run) == {}
    with pytest.raises(UserError, match="not the checkpoint"):
        check_origin(run, "other.ckpt", "13")


def _lead_to(run: Path, file: Path) -> None:
    """Write another path of data into all that a folder records, as one from elsewhere may have it."""
    text = (run / "config.yaml").read_text()
    (before,) = {line for line in text.splitlines() if line.startswith("  path:")}
    (run / "config.yaml").write_text(text.replace(before, f"  path: {file}"))
    for checkpoint in (run / "checkpoints").iterdir():
        content = torch.load(checkpoint, weights_only=True)
        content["config"]["data"]["path"] = str(file)
        torch.save(content, checkpoint)


def test_a_folder_from_elsewhere_trains_on_no_file_that_the_user_has_not_named(
    command, trained, tmp_path: Path
) -> None:
    run, secret = tmp_path / "run", tmp_path / "secret.txt"
    shutil.copytree(trained.run, run)
    steps = json.loads((run / "results.json").read_text())["steps"]
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    own = content["config"]["data"]["path"]
    assert content[FINGERPRINT] and environment({})["data"] == {}
    secret.write_text("abc def\n" * 300)
    _lead_to(run, secret)
    for typed in ((f"resume={run}", f"trainer.max_steps={steps + 1}"), (f"rerun={run}", "hydra.run.dir=new")):
        finished = command("train.py", *typed)
        assert finished.returncode == 2 and "these are not the data" in finished.stderr, finished.stderr
        assert f"data.path={secret}" in finished.stderr and finished.stderr.count("\n") == 1
        assert not (tmp_path / "new").exists()
    assert json.loads((run / "results.json").read_text())["steps"] == steps
    moved = shutil.copy(own, tmp_path / "moved.txt")
    resumed = command("train.py", f"resume={run}", f"trainer.max_steps={steps + 1}", f"data.path={moved}")
    assert resumed.returncode == 0, resumed.stderr
    other = command("train.py", f"resume={run}", f"trainer.max_steps={steps + 2}", f"data.path={secret}")
    assert other.returncode == 2 and "init_from=" in other.stderr, other.stderr
