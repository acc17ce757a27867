"""rerun=RUN repeats a run as it was: nothing that would change it is taken along."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from throughtime.cli.rerun import RECORDED, rerun_arguments
from throughtime.errors import UserError

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
