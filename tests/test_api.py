"""In Python the same configurations are composed and the same runs are trained as by train.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from omegaconf import OmegaConf

import throughtime
from throughtime.errors import UserError
from throughtime.report.record import read

TYPED = (
    "cell=gru",
    "optim/schedule=plateau",
    "debug=fast",
    "trainer.max_steps=2",
    "trainer.val_check_interval=1",
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, as a notebook is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))


def plain(config) -> dict:
    return OmegaConf.to_container(config, resolve=False)


@pytest.mark.parametrize(
    "typed", [(), TYPED, ("task=tagging", "seed=3"), ("experiment=names", "data.path=x")]
)
def test_composing_is_what_the_command_line_does(typed: tuple[str, ...], command) -> None:
    finished = command("train.py", *typed, "--cfg", "job")
    assert finished.returncode == 0, finished.stderr
    assert plain(throughtime.compose(typed)) == plain(OmegaConf.create(finished.stdout))


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys, throughtime; print(*{'torch', 'hydra', 'omegaconf', 'numpy'} & set(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []
    assert {"load", "compose", "fit"} <= set(dir(throughtime))
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        throughtime.nothing_of_this_name  # noqa: B018


def test_a_run_from_python_is_the_run_of_the_command_line(command, small, capsys, tmp_path: Path) -> None:
    typed = [*small, "cell=gru", "trainer.max_steps=3", "trainer.val_check_interval=3"]
    results = throughtime.fit(throughtime.compose(typed))
    (run,) = (tmp_path / "runs" / "textgen").iterdir()
    assert results.status == "completed" and "val/bpc" in results.metrics
    assert "textgen: " in capsys.readouterr().out
    assert command("train.py", *typed, "hydra.run.dir=typed").returncode == 0
    one, other = (
        torch.load(path / "checkpoints" / "last.ckpt", weights_only=True)
        for path in (run, tmp_path / "typed")
    )
    for name, weight in one["state_dict"].items():
        assert torch.allclose(weight, other["state_dict"][name], atol=1e-6), name
    for name in ("config.yaml", "overrides.yaml"):
        assert yaml.safe_load((run / name).read_text()) == yaml.safe_load(
            (tmp_path / "typed" / name).read_text()
        )
    assert read(run).choices == read(tmp_path / "typed").choices

    loaded = throughtime.load(run)
    assert loaded.task.tokenizer.decode(loaded.task.tokenizer.encode("abc")) == "abc"
    assert loaded.config["cell"]["hidden_size"] == 8

    longer = throughtime.fit(throughtime.compose([f"resume={run}", "trainer.max_steps=5"]))
    assert (longer.steps, longer.status) == (5, "completed")
    assert json.loads((run / "results.json").read_text())["steps"] == 5


def test_a_configuration_can_be_changed_before_it_is_trained(small, tmp_path: Path) -> None:
    config = throughtime.compose([*small, "trainer.max_steps=1"])
    config.seed, config.cell.hidden_size = 9, 4
    results = throughtime.fit(config, folder="mine")
    assert results.seed == 9
    assert throughtime.load("mine").config["cell"]["hidden_size"] == 4
    again = throughtime.fit(throughtime.compose(["rerun=mine"]), folder="again")
    assert again.best == results.best


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["cell.hiden_size=3"], "did you mean cell.hidden_size?"),
        (["cell=lstmm"], "did you mean cell=lstm?"),
        (["resume=nowhere"], "there is no such folder"),
        (["rerun=nowhere"], "there is no such folder"),
    ],
)
def test_a_slip_is_told_in_a_sentence(typed: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as mistake:
        throughtime.compose(typed)
    assert sentence in str(mistake.value)


def test_a_mistake_in_training_leaves_nothing_behind(small, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hidden_size must be above 0"):
        throughtime.fit(throughtime.compose([*small, "cell.hidden_size=-1"]))
    assert not list(tmp_path.glob("runs/textgen/*"))


def test_without_conf_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name the folder conf/ of a checkout"):
        throughtime.compose(config_dir=tmp_path)


def test_another_folder_of_configurations_can_be_given() -> None:
    conf = Path(__file__).resolve().parent.parent / "conf"
    assert plain(throughtime.compose(["seed=2"], config_dir=conf)) == plain(throughtime.compose(["seed=2"]))
