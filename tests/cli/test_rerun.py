"""rerun=RUN repeats a run as it was: nothing that would change it is taken along."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from throughtime.cli.rerun import RECORDED, rerun_arguments, with_places_of_data
from throughtime.errors import UserError
from throughtime.run.folder import RunFolder

CONFIGURATIONS = Path(__file__).resolve().parent.parent.parent / "conf"


def test_without_rerun_nothing_is_touched() -> None:
    for typed in (["cell=gru"], ["rerun=null", "cell=gru"], ["rerun="]):
        assert rerun_arguments(typed, CONFIGURATIONS) == typed


def test_the_recorded_configuration_is_the_primary_one_and_the_folder_a_new_one(trained) -> None:
    given = rerun_arguments([f"rerun={trained.run}", "debug=trace"], CONFIGURATIONS)
    assert given[given.index("--config-name") + 1] == RECORDED
    recorded = ConfigStore.instance().load(f"{RECORDED}.yaml").node
    assert OmegaConf.to_container(recorded) == yaml.safe_load((trained.run / "config.yaml").read_text())
    (place,) = (argument for argument in given if argument.startswith("hydra.run.dir="))
    assert "runs/textgen/${now:" in place and "${token:}" in place
    assert given[-1] == "+debug=trace"


@pytest.mark.parametrize(
    "typed",
    [
        "cell=gru",
        "trainer.max_steps=3",
        "++seed=2",
        "~callback.speed",
        "callback.x=1",
        "resume=x",
        "task=tagging",
    ],
)
def test_nothing_can_be_changed_on_rerun(typed: str, trained) -> None:
    with pytest.raises(UserError, match="cannot be changed on rerun"):
        rerun_arguments([f"rerun={trained.run}", typed], CONFIGURATIONS)


def test_a_sweep_is_not_one_run(trained, tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(UserError, match="folder of a sweep"):
        rerun_arguments([f"rerun={tmp_path}"], CONFIGURATIONS)
    with pytest.raises(UserError, match="leave -m out"):
        rerun_arguments([f"rerun={trained.run}", "-m"], CONFIGURATIONS)


def test_what_is_no_run_is_a_mistake(tmp_path: Path, trained) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        rerun_arguments([f"rerun={tmp_path}/none"], CONFIGURATIONS)
    with pytest.raises(UserError, match="holds no config"):
        rerun_arguments([f"rerun={tmp_path}"], CONFIGURATIONS)
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(UserError, match="is not the configuration of a run"):
        rerun_arguments([f"rerun={tmp_path}"], CONFIGURATIONS)


def test_a_run_from_before_there_was_such_a_key_can_be_repeated(command, trained, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(trained.run, old)
    kept = [line for line in (old / "config.yaml").read_text().splitlines() if not line.startswith("rerun:")]
    (old / "config.yaml").write_text("\n".join(kept) + "\n")
    finished = command("train.py", f"rerun={old}", "--cfg", "job")
    assert finished.returncode == 0 and f"rerun: {old}" in finished.stdout, finished.stderr


def test_where_it_goes_can_be_said(command, trained, tmp_path: Path) -> None:
    finished = command("train.py", f"rerun={trained.run}", "hydra.run.dir=again")
    assert finished.returncode == 0, finished.stderr
    assert json.loads((tmp_path / "again" / "results.json").read_text())["status"] == "completed"


def test_relative_data_are_found_from_any_folder(
    trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, elsewhere = tmp_path / "start", tmp_path / "elsewhere"
    start.mkdir()
    elsewhere.mkdir()
    (start / "text.txt").write_text("abc")
    run = RunFolder(tmp_path)
    run.environment.write_text(json.dumps({"folder": str(start)}))
    config = {"data": {"path": "text.txt", "train_path": None, "val_path": "gone.txt", "test_path": "*.txt"}}
    monkeypatch.chdir(elsewhere)
    found = with_places_of_data(config, run)["data"]
    assert found == {
        "path": str(start / "text.txt"),
        "train_path": None,
        "val_path": "gone.txt",  # it lies there no more, so the error names it as it was typed
        "test_path": str(start / "*.txt"),
    }
    monkeypatch.chdir(start)
    assert with_places_of_data(config, run) == config
    run.environment.write_text("[]")
    assert with_places_of_data(config, run) == config


def test_a_run_is_resumed_and_repeated_from_another_folder(
    command, small: tuple[str, ...], small_text: Path, tmp_path: Path
) -> None:
    shutil.copy(small_text, tmp_path / "own.txt")
    typed = [one for one in small if not one.startswith("data.path=")]
    started = command("train.py", *typed, "data.path=own.txt", "hydra.run.dir=run", "trainer.max_steps=2")
    assert started.returncode == 0, started.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    resumed = command("train.py", "resume=../run", "trainer.max_steps=4", folder=elsewhere)
    assert resumed.returncode == 0, resumed.stderr
    repeated = command("train.py", "rerun=../run", folder=elsewhere)
    assert repeated.returncode == 0, repeated.stderr
