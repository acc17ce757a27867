"""A checkpoint alone is enough to use what was trained."""

import shutil
from pathlib import Path

import pytest
import torch

from throughtime.errors import UserError
from throughtime.inference.load import load


def test_the_checkpoint_alone_gives_the_task_as_it_was(trained, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere.ckpt"
    shutil.copy(trained.run / "checkpoints" / "best.ckpt", alone)
    loaded = load(alone)
    assert not loaded.task.training
    saved = torch.load(alone, weights_only=True)
    for name, tensor in loaded.task.state_dict().items():
        assert torch.equal(tensor, saved["state_dict"][name])
    assert loaded.config["cell"]["hidden_size"] == 8
    assert loaded.artifacts["tokenizer"] and loaded.path == alone


def test_the_folder_of_a_run_stands_for_its_best_checkpoint(trained) -> None:
    assert load(trained.run).path == trained.run / "checkpoints" / "best.ckpt"


def test_a_checkpoint_holds_tensors_and_plain_containers_only(trained) -> None:
    def check(value: object) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                assert isinstance(name, str | int), name
                check(part)
        elif isinstance(value, list | tuple):
            for part in value:
                check(part)
        else:
            assert value is None or type(value) in (torch.Tensor, str, int, float, bool), type(value)

    saved = torch.load(trained.run / "checkpoints" / "last.ckpt", weights_only=True)
    for part in ("config", "artifacts", "carried", "random", "recent", "state_dict", "optimizer_states"):
        check(dict(saved)[part] if part != "state_dict" else dict(saved[part]))


def test_what_is_no_checkpoint_of_ours_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    with pytest.raises(UserError, match="holds no configuration"):
        load(tmp_path / "other.ckpt")
    with pytest.raises(UserError, match="not a checkpoint"):
        load(tmp_path / "text.ckpt")
    with pytest.raises(UserError, match="no such folder"):
        load(tmp_path / "none")


def test_a_configuration_inside_a_checkpoint_builds_nothing_that_is_not_allowed(
    trained, tmp_path: Path
) -> None:
    saved = torch.load(trained.run / "checkpoints" / "best.ckpt", weights_only=True)
    saved["config"]["cell"]["_target_"] = "os.system"
    torch.save(saved, tmp_path / "hostile.ckpt")
    with pytest.raises(UserError, match=r"os\.system is not a recurrent cell"):
        load(tmp_path / "hostile.ckpt")
