"""Checkpoint files are whole or absent, are checked before they are read, and never run code."""

import errno
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from throughtime.errors import Unavailable, UserError
from throughtime.run.checkpoint import (
    AtomicCheckpointIO,
    NoCheckpoint,
    find_checkpoint,
    newest_checkpoint,
    read_checkpoint,
)
from throughtime.run.folder import RunFolder

CONTENT = {
    "state_dict": {"weight": torch.arange(1000.0)},
    "global_step": 3,
    "nested": [1, "two", (3.0, None)],
}


def save(path: Path, **extra: object) -> None:
    AtomicCheckpointIO({"config": {"seed": 1}}).save_checkpoint(CONTENT | extra, path)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.claim()
    folder.config.write_text("seed: 1\n")
    return folder


def test_what_is_saved_is_read_and_stands_alone(tmp_path: Path) -> None:
    save(tmp_path / "a.ckpt")
    content = read_checkpoint(tmp_path / "a.ckpt")
    assert torch.equal(content["state_dict"]["weight"], torch.arange(1000.0))
    assert content["nested"] == [1, "two", (3.0, None)]
    assert content["config"] == {"seed": 1}


def test_a_bit_flipped_anywhere_in_the_weights_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    save(path)
    content = bytearray(path.read_bytes())
    at = content.index(torch.arange(1000.0).numpy().tobytes()) + 2001
    content[at] ^= 0b100
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.ckpt"
    save(path)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(UserError, match="truncated"):
        read_checkpoint(path)


class Hostile:
    def __reduce__(self) -> tuple:
        return os.system, ("touch hostile",)


def test_a_pickle_that_would_run_code_is_refused_and_runs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Hostile()}, "zip.ckpt")
    Path("bare.ckpt").write_bytes(pickle.dumps(Hostile()))
    for name in ("zip.ckpt", "bare.ckpt"):
        with pytest.raises(UserError):
            read_checkpoint(Path(name))
    assert not Path("hostile").exists()


def test_resume_takes_the_newest_that_can_be_read_and_says_so(
    run: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    save(run.checkpoints / "previous.ckpt")
    save(run.checkpoints / "last.ckpt")
    assert newest_checkpoint(run, "resume").name == "last.ckpt"
    os.truncate(run.checkpoints / "last.ckpt", 100)
    assert newest_checkpoint(run, "resume").name == "previous.ckpt"
    assert "falling back" in caplog.text
    os.truncate(run.checkpoints / "previous.ckpt", 100)
    with pytest.raises(UserError, match=r"resume=.*no checkpoint to go on from"):
        newest_checkpoint(run, "resume")


def test_a_run_or_a_file_both_name_a_checkpoint(run: RunFolder) -> None:
    with pytest.raises(UserError, match="no checkpoint yet"):
        find_checkpoint(str(run.path))
    save(run.checkpoints / "last.ckpt")
    assert find_checkpoint(str(run.path)).name == "last.ckpt"
    save(run.checkpoints / "best.ckpt")
    assert find_checkpoint(str(run.path)).name == "best.ckpt"
    assert find_checkpoint(str(run.checkpoints / "last.ckpt")).name == "last.ckpt"


def test_every_record_of_a_checkpoint_carries_a_checksum(tmp_path: Path) -> None:
    save(tmp_path / "a.ckpt")
    with zipfile.ZipFile(tmp_path / "a.ckpt") as archive:
        assert all(record.CRC for record in archive.infolist() if record.file_size)


def kept(run: RunFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.checkpoints.iterdir()}


def read_error(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def no_memory(*_: object, **__: object) -> None:
    raise MemoryError


def no_memory_for_a_tensor(*_: object, **__: object) -> None:
    raise RuntimeError(
        "[enforce fail at alloc_cpu.cpp:119] can't allocate memory: you tried to allocate 9 bytes"
    )


@pytest.mark.parametrize(
    "place", ["zipfile.ZipFile", "zipfile._EndRecData", "zipfile.ZipFile.testzip", "torch.load"]
)
@pytest.mark.parametrize("fault", [read_error, no_memory])
def test_a_checkpoint_that_cannot_be_read_is_not_taken_for_damaged(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, place: str, fault: Callable[..., None]
) -> None:
    for name in ("last.ckpt", "previous.ckpt", "best.ckpt"):
        save(run.checkpoints / name)
    before = kept(run)
    with monkeypatch.context() as patch:
        patch.setattr(place, fault)
        with pytest.raises(Unavailable, match=r"last\.ckpt cannot be read \((Input/output|memory is short)"):
            newest_checkpoint(run, "resume")
    assert kept(run) == before
    assert newest_checkpoint(run, "resume").name == "last.ckpt"


def test_memory_that_is_short_for_a_tensor_is_told_and_nothing_is_renamed(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(run.checkpoints / "last.ckpt")
    monkeypatch.setattr("torch.load", no_memory_for_a_tensor)
    with pytest.raises(Unavailable, match="can't allocate memory"):
        newest_checkpoint(run, "resume")
    assert list(kept(run)) == ["last.ckpt"]


def test_a_checkpoint_behind_a_broken_link_is_not_passed_over(run: RunFolder, tmp_path: Path) -> None:
    save(run.checkpoints / "previous.ckpt")
    (run.checkpoints / "last.ckpt").symlink_to(tmp_path / "moved.ckpt")
    with pytest.raises(UserError, match=r"last\.ckpt: there is no such checkpoint"):
        newest_checkpoint(run, "resume")
    assert (run.checkpoints / "last.ckpt").is_symlink()


def test_damaged_checkpoints_are_all_kept(run: RunFolder) -> None:
    save(run.checkpoints / "previous.ckpt")
    for content in (b"first", b"second"):
        (run.checkpoints / "last.ckpt").write_bytes(content)
        assert newest_checkpoint(run, "resume").name == "previous.ckpt"
    assert kept(run)["damaged_last.ckpt"] == b"first" and kept(run)["damaged_2_last.ckpt"] == b"second"
    (run.checkpoints / "previous.ckpt").write_bytes(b"third")
    before = kept(run)
    with pytest.raises(NoCheckpoint, match="truncated or not a checkpoint"):
        newest_checkpoint(run, "resume")
    assert kept(run) == before


def test_only_a_checkpoint_that_this_process_has_saved_is_removed(tmp_path: Path) -> None:
    (tmp_path / "earlier.ckpt").touch()
    saving = AtomicCheckpointIO({})
    saving.save_checkpoint(CONTENT, tmp_path / "own.ckpt")
    for name in ("earlier.ckpt", "own.ckpt"):
        saving.remove_checkpoint(tmp_path / name)
    assert os.listdir(tmp_path) == ["earlier.ckpt"]
