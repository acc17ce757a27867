"""A run that is repeated ends with the same weights, to the last bit; what differs between the two is told."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from throughtime.run.folder import RunFolder
from throughtime.run.repeat import environment_differences, weight_comparison

TASKS = {
    "textgen": ("cell=gru", "model.layers.dropout=0.3", "data.random_offset=true"),
    "tagging": ("task=tagging", "data.format.modules=12", "cell.hidden_size=8"),
    "forecasting": ("task=forecasting", "cell.hidden_size=8", "callback.forecast_figures.count=1"),
}


def weights(run: Path) -> dict[str, torch.Tensor]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.parametrize("task", TASKS)
def test_the_weights_are_the_same_to_the_last_bit(task: str, command, tmp_path: Path) -> None:
    typed = [*TASKS[task], "debug=fast", "seed=3", "trainer.accelerator=cpu", "trainer.max_steps=4"]
    finished = command("train.py", *typed, "hydra.run.dir=first")
    assert finished.returncode == 0, finished.stderr
    finished = command("train.py", "rerun=first")
    assert finished.returncode == 0, finished.stderr
    assert "repeats first in the same environment" in finished.stdout
    assert "all weights are those of first, to the last bit" in finished.stdout
    (again,) = (tmp_path / "runs" / task).iterdir()
    one, other = weights(tmp_path / "first"), weights(again)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_repetition_is_a_run_like_the_first(command, trained, tmp_path: Path) -> None:
    assert command("train.py", f"rerun={trained.run}", "hydra.run.dir=again").returncode == 0
    first, again = (
        yaml.safe_load((run / "config.yaml").read_text()) for run in (trained.run, tmp_path / "again")
    )
    assert again == first | {"rerun": str(trained.run)}
    first, again = (
        json.loads((run / "results.json").read_text()) for run in (trained.run, tmp_path / "again")
    )
    assert again["choices"] == first["choices"] and again["overrides"] == first["overrides"]
    assert again["best"] == first["best"]
    repeated = command("train.py", "rerun=again", "hydra.run.dir=thrice")
    assert "all weights are those of again" in repeated.stdout, repeated.stderr


def test_where_something_differs_it_is_told_before_the_first_step(command, trained, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(trained.run, changed)
    environment = json.loads((changed / "environment.json").read_text())
    environment |= {"threads": 99, "git": {"commit": "abc", "dirty": True}, "devices": ["a GPU"]}
    environment["packages"]["torch"] = "1.0"
    environment["data"]["tokens"]["train"] = 1
    (changed / "environment.json").write_text(json.dumps(environment))
    shown = command("train.py", f"rerun={changed}").stdout
    for part in (
        "threads: 99 →",
        "git.commit: abc →",
        "packages.torch: 1.0 →",
        "devices: ['a GPU'] → []",
        "data.tokens.train: 1 →",
    ):
        assert part in shown
    assert shown.index("threads: 99") < shown.index("validation")


def test_what_was_changed_on_resuming_is_told_on_repeating(command, trained, tmp_path: Path) -> None:
    longer = tmp_path / "longer"
    shutil.copytree(trained.run, longer)
    assert command("train.py", f"resume={longer}", "trainer.max_steps=30").returncode == 0
    assert json.loads((longer / "environment.json").read_text())["resumed_with"] == [["trainer.max_steps=30"]]
    shown = command("train.py", f"rerun={longer}").stdout
    assert "resumed with trainer.max_steps=30" in shown


def test_a_run_that_the_clock_ends_is_said_to_be_one(trained) -> None:
    run = RunFolder(trained.run)
    shown = environment_differences(run, run, {"trainer": {"max_time": "00:00:10:00"}})
    assert "ends a run by the clock" in shown


def test_other_weights_and_other_steps_are_told(trained, tmp_path: Path) -> None:
    other = RunFolder(tmp_path / "other")
    shutil.copytree(trained.run, other.path)
    last = other.checkpoints / "last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    name = "model.front.weight"
    checkpoint["state_dict"][name][0, 0] += 1e-6
    torch.save(checkpoint, last)
    assert f"1 of {len(checkpoint['state_dict'])} weights are not those of" in weight_comparison(
        RunFolder(trained.run), other
    )
    torch.save(checkpoint | {"global_step": 7}, last)
    assert "this run 7" in weight_comparison(RunFolder(trained.run), other)
    last.unlink()
    assert "cannot be compared" in weight_comparison(RunFolder(trained.run), other)
