"""Code of the user's own is built by the user's own word: on the command line or in the environment, never a file."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.config import trust
from throughtime.config.registry import locate
from throughtime.errors import UserError

CELL = """
from typing import NamedTuple

import torch
from torch import nn

from throughtime.cell import Cell


class State(NamedTuple):
    hidden: torch.Tensor


class Leaky(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, hidden_size)
        self.input = nn.Linear(input_size, hidden_size)

    def initial_state(self, batch_size):
        return State(self.input.bias.new_zeros(batch_size, self.hidden_size))

    def project(self, inputs):
        return self.input(inputs)

    def step(self, projected, state):
        hidden = 0.9 * state.hidden + 0.1 * torch.tanh(projected)
        return hidden, State(hidden)


class NoCell:
    pass
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of the user's own in the working folder, with a name of its own for each test."""
    name = f"cells_{abs(hash(str(tmp_path)))}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(CELL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(trust.VARIABLE, "")
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    return name


def test_without_the_word_the_error_says_which_word_is_needed(package: str) -> None:
    with pytest.raises(UserError, match=rf"cell: {package}\.Leaky .*add trust={package} to the command"):
        locate(f"{package}.Leaky", "cell")


@pytest.mark.parametrize("written", ["{}", "./{}", "[{}]", "math,{}"])
def test_with_the_word_a_class_of_the_place_s_kind_is_built(package: str, written: str) -> None:
    trust.trust(written.format(package))
    assert locate(f"{package}.Leaky", "cell").factory.__name__ == "Leaky"
    for key, name in (("cell", "NoCell"), ("head", "Leaky"), ("cell", "torch.load"), ("cell", "missing")):
        with pytest.raises(UserError, match=rf"^{key}: "):
            locate(f"{package}.{name}", key)


def test_a_package_whose_name_only_begins_alike_is_not_trusted(package: str) -> None:
    trust.trust(package[:-1])
    with pytest.raises(UserError, match="add trust="):
        locate(f"{package}.Leaky", "cell")


@pytest.mark.parametrize("word", ["", "no/such/folder", "a b", "os;system"])
def test_a_word_that_names_nothing_is_refused(package: str, word: str) -> None:
    with pytest.raises(UserError, match="trust="):
        trust.trust(word)


def test_a_cell_of_the_user_s_own_trains_resumes_and_writes(
    package: str, command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    own = (f"cell._target_={package}.Leaky", f"hydra.run.dir={tmp_path / 'run'}")
    refused = command("train.py", *small, *own)
    assert refused.returncode == 2 and f"add trust={package}" in refused.stderr
    assert not (tmp_path / "run").exists()
    trained = command("train.py", f"trust={package}", *small, *own)
    assert trained.returncode == 0, trained.stderr
    assert "cell: Leaky takes no" in trained.stdout  # what the chosen option brings for another class is told
    recorded = "".join(path.read_text() for path in (tmp_path / "run").glob("*.yaml"))
    assert "trust" not in recorded
    resume = (f"resume={tmp_path / 'run'}", "trainer.max_steps=30")
    assert command("train.py", *resume).returncode == 2
    assert command("train.py", f"trust={package}", *resume).returncode == 0
    script = ("scripts/generate.py", str(tmp_path / "run"), "--length", "5")
    assert command(*script).returncode == 2
    assert command(*script, "--trust", package).returncode == 0


@pytest.mark.parametrize("place", ["recipe", "recorded"])
def test_no_file_can_give_the_word(
    package: str, place: str, command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    if place == "recipe":
        (tmp_path / "mine" / "experiment").mkdir(parents=True)
        recipe = f"# @package _global_\ntrust: {package}\n"
        (tmp_path / "mine" / "experiment" / "bad.yaml").write_text(recipe)
        finished = command("train.py", "--config-dir", str(tmp_path / "mine"), "experiment=bad", *small)
    else:
        run = tmp_path / "run"
        assert command("train.py", *small, f"hydra.run.dir={run}").returncode == 0
        (run / "config.yaml").write_text(f"trust: {package}\n" + (run / "config.yaml").read_text())
        finished = command("train.py", f"resume={run}", "trainer.max_steps=30")
    assert finished.returncode == 2
    assert "trust" in finished.stderr and finished.stderr.count("\n") == 1


def test_commands_that_are_shown_have_the_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(trust.VARIABLE, "")
    assert (trust.as_override(), trust.as_option()) == ("", "")
    monkeypatch.setenv(trust.VARIABLE, "my_cells,my_heads")
    assert shlex.split(trust.as_override()) == ["trust=my_cells,my_heads"]
    assert shlex.split(trust.as_option()) == ["--trust", "my_cells,my_heads"]
    (tmp_path / "a b" / "mine").mkdir(parents=True)
    monkeypatch.setenv(trust.VARIABLE, str(tmp_path / "a b" / "mine"))
    assert shlex.split(trust.as_option()) == ["--trust", str(tmp_path / "a b" / "mine")]
