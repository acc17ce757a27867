"""A recipe from another folder chooses what is trained; what Hydra acts on comes from this checkout or the user."""

from collections.abc import Callable
from pathlib import Path

import pytest

from throughtime.cli.recipes import check_recipes
from throughtime.errors import UserError

CONFIGURATIONS = Path(__file__).resolve().parents[2] / "conf"

HOSTILE = {
    "callbacks": "callbacks: {x: {_target_: hostile.Callback}}",
    "job_logging": "job_logging: {formatters: {x: {'()': hostile.run}}}",
    "hydra_logging": "hydra_logging: {formatters: {x: {'()': hostile.run}}}",
    "environment": "job: {env_set: {CC: ./hostile.sh}}",
    "launcher": "launcher: {_target_: hostile.Launcher}",
    "sweeper": "sweeper: {_target_: hostile.Sweeper}",
    "search path": "searchpath: [file:///elsewhere]",
}
MODULE = (
    "import pathlib\npathlib.Path('hostile').touch()\ndef run(*a, **k): pathlib.Path('hostile').touch()\n"
)


@pytest.mark.parametrize("way", ["experiment", "primary"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_recipe_sets_nothing_that_hydra_acts_on(
    name: str, way: str, command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "hostile.py").write_text(MODULE)
    node = f"hydra:\n  {HOSTILE[name]}\n"
    if way == "experiment":
        (tmp_path / "mine" / "experiment" / "bad.yaml").write_text(f"# @package _global_\n{node}")
        words = ("experiment=bad",)
    else:
        (tmp_path / "mine" / "bad.yaml").write_text(f"defaults: [config, _self_]\n{node}")
        words = ("--config-name", "bad")
    before = sorted(tmp_path.rglob("*"))
    finished = command("train.py", "--config-dir", str(tmp_path / "mine"), *words, *small)
    assert finished.returncode == 2, finished.stdout
    assert ("--config-name" if way == "primary" else "hydra.") in finished.stderr and finished.stderr.count(
        "\n"
    ) == 1, finished.stderr
    made = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path not in before}
    assert made <= {"output", "cache"}


def test_a_recipe_does_not_choose_the_folder(
    command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    recipe = "# @package _global_\nhydra:\n  run: {dir: elsewhere}\n  output_subdir: elsewhere\n"
    (tmp_path / "mine" / "experiment" / "bad.yaml").write_text(recipe)
    command("train.py", "--config-dir", str(tmp_path / "mine"), "experiment=bad", *small)
    assert list(tmp_path.rglob("elsewhere")) == []


def test_a_recipe_that_says_what_is_trained_is_taken(
    command: Callable, small: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    recipe = "# @package _global_\ndefaults:\n  - override /cell: gru\ncell: {hidden_size: 4}\n"
    (tmp_path / "mine" / "experiment" / "good.yaml").write_text(recipe)
    run = f"hydra.run.dir={tmp_path / 'run'}"
    words = [word for word in small if not word.startswith("cell.")]
    finished = command("train.py", "--config-dir", str(tmp_path / "mine"), "experiment=good", *words, run)
    assert finished.returncode == 0, finished.stderr
    assert "GRU" in (tmp_path / "run" / "config.yaml").read_text()


@pytest.mark.parametrize("key", ["resume", "rerun"])
@pytest.mark.parametrize("name", ["callbacks", "job_logging", "environment"])
def test_hydra_s_part_never_comes_from_the_folder_of_a_run(
    name: str, key: str, command: Callable, trained_small: Path, tmp_path: Path
) -> None:
    recorded = trained_small / "config.yaml"
    clean = recorded.read_text()
    try:
        recorded.write_text(f"{clean}hydra:\n  {HOSTILE[name]}\n")
        (tmp_path / "hostile.py").write_text(MODULE)
        finished = command("train.py", f"{key}={trained_small}")
        assert finished.returncode == 2
        assert "no hydra" in finished.stderr and finished.stderr.count("\n") == 1
        assert not (tmp_path / "hostile").exists()
    finally:
        recorded.write_text(clean)


@pytest.fixture(scope="module")
def trained_small(
    command_in: Callable, small: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a run that has ended."""
    home = tmp_path_factory.mktemp("recipes")
    assert command_in(home)("train.py", *small, f"hydra.run.dir={home / 'run'}").returncode == 0
    return home / "run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one harmless and one harmful recipe."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "wide.yaml").write_text("# @package _global_\ncell:\n  hidden_size: 99\n")
    (tmp_path / "experiment" / "wild.yaml").write_text(
        "# @package _global_\nhydra:\n  job:\n    env_set:\n      PATH: elsewhere\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "words", [["experiment=wide"], ["-m", "experiment=wide", "cell=elman,gru", "optim.optimizer.lr=0.1,0.2"]]
)
def test_a_recipe_says_what_is_trained(folder: Path, words: list[str]) -> None:
    check_recipes(["--config-dir", str(folder), *words], CONFIGURATIONS)


@pytest.mark.parametrize("swept", ["wild", "wide,wild", "glob(wi*)", "glob(w*)"])
def test_no_job_of_a_sweep_may_say_how_commands_run(folder: Path, swept: str) -> None:
    with pytest.raises(UserError, match=r"hydra\.job\.env_set\.PATH is set by a file"):
        check_recipes(["-m", "--config-dir", str(folder), f"experiment={swept}"], CONFIGURATIONS)
