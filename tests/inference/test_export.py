"""An exported model holds all that one must know to use it without this framework."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from safetensors import safe_open
from safetensors.torch import load_file

from throughtime.errors import UserError
from throughtime.inference.export import export, plain
from throughtime.inference.load import load


def test_safetensors_hold_the_weights_and_beside_them_lies_the_rest(trained, tmp_path: Path) -> None:
    told = export(str(trained.run), "safetensors", tmp_path / "out")
    loaded = load(trained.run)
    saved = load_file(tmp_path / "out" / "model.safetensors")
    weights = dict(loaded.task.named_parameters())
    assert weights.keys() <= saved.keys()
    assert all(torch.equal(weights[name], saved[name]) for name in weights)
    assert f"{sum(weight.numel() for weight in weights.values()):,} parameters" in told
    assert OmegaConf.load(tmp_path / "out" / "config.yaml") == loaded.config
    artifacts = json.loads((tmp_path / "out" / "artifacts.json").read_text())
    assert artifacts["tokenizer"] == plain(loaded.artifacts["tokenizer"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "artifacts.json",
        "config.yaml",
        "model.safetensors",
    ]


def test_a_matrix_that_two_parts_share_is_written_once(fit_small, tmp_path: Path) -> None:
    run = fit_small("head.tied=true", "trainer.max_steps=1", "callback.ema.decay=0.9")
    export(str(run), "safetensors", tmp_path / "out", weights="ema")
    saved = load_file(tmp_path / "out" / "model.safetensors")
    assert ("model.front.weight" in saved) != ("head.weight" in saved)
    averaged = dict(load(run, "ema").task.named_parameters())
    assert torch.equal(
        averaged["model.front.weight"], saved.get("model.front.weight", saved.get("head.weight"))
    )
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert file.metadata()["task"] == "textgen"


def test_the_script_takes_a_run_or_a_checkpoint_from_anywhere(command, trained, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "model.ckpt"
    alone.parent.mkdir()
    shutil.copy(trained.run / "checkpoints" / "best.ckpt", alone)
    finished = command("scripts/export.py", "elsewhere/model.ckpt", "--format", "safetensors")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "folder   elsewhere/export_safetensors" in finished.stdout
    assert (tmp_path / "elsewhere" / "export_safetensors" / "model.safetensors").is_file()


def test_mistakes_are_told_and_nothing_is_left(command, trained, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finished = command("scripts/export.py", trained.run, "--format", "safetensors", "--output", "file/out")
    assert (
        finished.returncode == 2 and finished.stderr == "error: file/out cannot be written: Not a directory\n"
    )
    with pytest.raises(UserError, match="--format=pickle is not known"):
        export(str(trained.run), "pickle", tmp_path / "out")
    with pytest.raises(UserError, match="weights=ema: the checkpoint holds no such average"):
        export(str(trained.run), "safetensors", tmp_path / "out", weights="ema")
    assert not (tmp_path / "out").exists()


def test_the_folder_of_a_run_is_not_written_over(trained, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained.run, tmp_path / "run"))
    before = (run / "config.yaml").read_bytes()
    with pytest.raises(UserError, match=r"--output=.*run holds a config\.yaml that is of no export"):
        export(str(trained.run), "safetensors", run)
    assert (run / "config.yaml").read_bytes() == before and not (run / "model.safetensors").exists()


def test_an_empty_folder_of_the_users_stays(trained, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("throughtime.inference.export._write", full)
    (tmp_path / "mine").mkdir()
    for name in ("mine", "new"):
        with pytest.raises(UserError, match="cannot be written"):
            export(str(trained.run), "safetensors", tmp_path / name)
    assert (tmp_path / "mine").is_dir() and not (tmp_path / "new").exists()


def test_what_json_does_not_know_is_written_as_what_it_knows() -> None:
    value = {"scale": torch.tensor([1.5, torch.nan]), 3: (1, None, "a", float("inf"))}
    assert plain(value) == {"scale": [1.5, None], "3": [1, None, "a", None]}
