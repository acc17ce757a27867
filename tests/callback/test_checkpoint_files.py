"""A checkpoint that cannot be written leaves those of before, and what is not finite is never written."""

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback

from throughtime.callback.checkpoint import Checkpoint
from throughtime.errors import Diverged, Unavailable, UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch):
    """Fail the saves of these numbers, counted from 0."""

    def fail(*numbers: int) -> None:
        save, calls = torch.save, []

        def failing(content, file, *arguments, **options):
            calls.append(1)
            if len(calls) - 1 in numbers:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            save(content, file, *arguments, **options)

        monkeypatch.setattr(torch, "save", failing)

    return fail


def steps(folder: Path) -> dict[str, int]:
    return {path.name: torch.load(path, weights_only=True)["global_step"] for path in folder.iterdir()}


@pytest.fixture
def fit_by_steps(fit):
    """Save every 3 steps, with no validation between."""
    return lambda *callbacks: fit(
        Checkpoint(every_n_steps=3, every_n_seconds=1e6),
        *callbacks,
        logger=False,
        val_check_interval=100,
        check_val_every_n_epoch=None,
    )


def test_a_full_disk_leaves_what_was_there_and_the_next_save_tries_again(
    fit_by_steps, folder, full_disk, caplog
):
    full_disk(2)
    fit_by_steps()
    assert steps(folder) == {"last.ckpt": 12, "previous.ckpt": 12}
    assert (
        caplog.messages.count(
            f"no checkpoint could be written in {folder} (No space left on device); earlier checkpoints stay"
        )
        == 1
    )


def test_where_the_end_cannot_be_saved_the_run_fails_and_the_two_before_stay(fit_by_steps, folder, full_disk):
    full_disk(2, 3, 4)
    with pytest.raises(Unavailable, match=r"No space left on device\); the end of training is lost"):
        fit_by_steps()
    assert steps(folder) == {"last.ckpt": 6, "previous.ckpt": 3}


def test_a_best_one_that_was_not_written_is_not_the_best(fit, task, folder, full_disk):
    values = iter([3.0, 1.0, 2.0])
    task.validation_step = lambda batch, batch_idx: None
    task.on_validation_epoch_end = lambda: task.log(
        "val/bpc", 9.0 if task.trainer.sanity_checking else next(values)
    )
    full_disk(2)  # best, last, best
    keeper = Checkpoint()
    fit(keeper, logger=False)
    assert (keeper.best, keeper.best_step) == (2.0, 12)
    assert steps(folder)["best.ckpt"] == 12


class Overflow(Callback):
    """The weights leave all bounds after a step, and stay finite in the metric."""

    def on_train_batch_end(self, trainer, pl_module, *_):
        if trainer.global_step == 7:
            pl_module.line[0].bias.data.fill_(torch.inf)


def test_weights_that_are_not_finite_are_never_written(fit, folder):
    with pytest.raises(UserError, match="the weights at step 12 are not finite, so they are not saved"):
        fit(Overflow(), Checkpoint(), logger=False)
    assert steps(folder) == {"best.ckpt": 4, "last.ckpt": 4}


def test_a_run_that_diverges_leaves_the_weights_of_its_last_good_step(fit, folder):
    class End(Callback):
        def on_train_batch_end(self, trainer, *_):
            if trainer.global_step == 2:
                raise Diverged("it ends here")

    with pytest.raises(Diverged):
        fit(End(), Checkpoint(), logger=False)
    assert steps(folder) == {"last.ckpt": 2}


def test_a_folder_that_is_gone_ends_the_run(fit_by_steps, folder):
    class Delete(Callback):
        def on_train_batch_end(self, trainer, *_):
            if trainer.global_step == 5:
                shutil.rmtree(folder)

    with pytest.raises(UserError, match=r"checkpoints is gone: the run's folder was moved or deleted"):
        fit_by_steps(Delete())


def test_a_folder_that_becomes_a_link_is_not_written_to(fit_by_steps, folder, tmp_path):
    class Swap(Callback):
        def on_train_batch_end(self, trainer, *_):
            if trainer.global_step == 5:
                folder.rename(tmp_path / "elsewhere")
                folder.symlink_to(tmp_path / "elsewhere")
                self.before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())

    swap = Swap()
    with pytest.raises(UserError, match="checkpoints is a symbolic link"):
        fit_by_steps(swap)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == swap.before


def test_what_a_kill_left_of_a_save_is_removed_by_the_next_and_no_other_file(fit_by_steps, folder):
    for name in ("..next.ckpt.a1b2c3_4", ".best.ckpt.abcdefgh", ".mine.ckpt.abcdefgh", "best.ckpt.backup"):
        (folder / name).touch()
    fit_by_steps()
    assert sorted(path.name for path in folder.iterdir()) == [
        ".mine.ckpt.abcdefgh",
        "best.ckpt.backup",
        "last.ckpt",
        "previous.ckpt",
    ]
