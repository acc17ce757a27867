"""Whatever happens to a job, its folder tells, and the libraries underneath keep quiet."""

import json
from pathlib import Path

from omegaconf import OmegaConf


def test_a_run_says_nothing_but_what_is_ours(trained) -> None:
    assert trained.stderr == ""
    for line in trained.stdout.splitlines():
        assert not any(word in line for word in ("Lightning", "GPU available", "💡", "litlogger", "Warning"))


def test_splits_that_are_left_out_are_no_reason_to_warn(command, small: tuple[str, ...]) -> None:
    for split in ("[0.9,0,0.1]", "[0.9,0.1,0]"):
        finished = command("train.py", *small, f"data.split={split}", "trainer.max_steps=2")
        assert (finished.returncode, finished.stderr) == (0, "")


def test_what_was_configured_and_typed_is_recorded(trained) -> None:
    config = OmegaConf.load(trained.run / "config.yaml")
    assert config.cell.hidden_size == 8 and config.data.seed == 1 and config.resume is None
    assert "${" not in (trained.run / "config.yaml").read_text()
    assert "hydra" not in config
    assert "cell.hidden_size=8" in OmegaConf.load(trained.run / "overrides.yaml")


def test_only_what_the_readme_names_lies_in_a_runs_folder(trained) -> None:
    names = {path.name for path in trained.run.iterdir() if not path.name.startswith("events.out.tfevents")}
    assert names == {
        "config.yaml",
        "overrides.yaml",
        "environment.json",
        "results.json",
        "checkpoints",
        "samples",
    }
    assert {path.name for path in (trained.run / "checkpoints").iterdir()} == {
        "best.ckpt",
        "last.ckpt",
        "previous.ckpt",
    }


def test_a_failure_on_the_way_is_told_in_error_txt_and_gone_on_from(
    command, small: tuple[str, ...], tmp_path: Path
) -> None:
    """The samples' folder cannot be made where a file of its name lies, so the first validation fails."""
    run = tmp_path / "run"
    assert command("train.py", *small, "hydra.run.dir=run", "trainer.max_steps=4").returncode == 0
    (run / "samples").rename(run / "samples_before")
    (run / "samples").write_text("in the way")
    more = ("callback.checkpoint.every_n_steps=4", "trainer.max_steps=20")
    failed = command("train.py", "resume=run", *more)
    assert failed.returncode == 2 and "run/samples" in failed.stderr.splitlines()[-1]
    assert json.loads((run / "results.json").read_text())["status"] == "failed"
    assert "Traceback" in (run / "error.txt").read_text()
    (run / "samples").unlink()
    assert command("train.py", "resume=run").returncode == 0
    results = json.loads((run / "results.json").read_text())
    assert (results["status"], results["steps"]) == ("completed", 20)
    assert not (run / "error.txt").exists()


def test_a_value_may_be_that_of_another_key(command, small: tuple[str, ...], tmp_path: Path) -> None:
    finished = command(
        "train.py", *small, "model.front.size=${cell.hidden_size}", "hydra.run.dir=run", "trainer.max_steps=1"
    )
    assert finished.returncode == 0, finished.stderr
    assert OmegaConf.load(tmp_path / "run" / "config.yaml").model.front.size == 8
    assert command("train.py", "resume=run", "trainer.max_steps=2").returncode == 0


def test_a_run_whose_metric_was_never_finite_has_failed(command, tmp_path: Path) -> None:
    values = "".join(f"{step % 7}\n" for step in range(200))
    (tmp_path / "series.csv").write_text("v\n" + values)
    arguments = ("data.path=series.csv", "data.values=v", "data.look_back=8", "data.horizon=2")
    diverging = ("optim.optimizer.lr=1e30", "trainer.max_steps=3", "trainer.val_check_interval=1")
    typed = (
        "task=forecasting",
        "data=csv",
        *arguments,
        "model.size=4",
        "trainer.accelerator=cpu",
        *diverging,
    )
    finished = command("train.py", *typed, "hydra.run.dir=run")
    assert finished.returncode == 2, finished.stdout
    assert "val/mae was never finite; lower optim.optimizer.lr" in finished.stderr
    assert json.loads((tmp_path / "run" / "results.json").read_text())["status"] == "failed"
