"""A folder of recipes chooses what is trained, for every job of a sweep, and never how commands run."""

from pathlib import Path

import pytest

from throughtime.cli.recipes import check_recipes
from throughtime.errors import UserError

CONFIGURATIONS = Path(__file__).resolve().parents[2] / "conf"


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


@pytest.mark.parametrize("swept", ["wild", "wide,wild", "glob(wi*)", "glob(*)"])
def test_no_job_of_a_sweep_may_say_how_commands_run(folder: Path, swept: str) -> None:
    with pytest.raises(UserError, match=r"hydra\.job\.env_set\.PATH is set by a file"):
        check_recipes(["-m", "--config-dir", str(folder), f"experiment={swept}"], CONFIGURATIONS)
