"""The parts of an experiment fit together as the configuration says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from throughtime.errors import UserError
from throughtime.run import build
from throughtime.run.build import CONFIGURATIONS, build_data, build_task, check_fit, fitting_data

Configuration = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THROUGHTIME_CACHE", str(tmp_path / "cache"))


def test_artifacts_are_plain_and_enough_to_build_the_task_again(
    configuration: Configuration, small: tuple[str, ...], tmp_path: Path
) -> None:
    config = configuration(*small)
    artifacts = build_data(config).artifacts()
    torch.save(artifacts, tmp_path / "artifacts")
    read = torch.load(tmp_path / "artifacts", weights_only=True)
    first, second = build_task(config, artifacts), build_task(config, read)
    second.load_state_dict(first.state_dict())
    assert read == artifacts


def test_a_tied_head_shares_the_embedding(configuration: Configuration, small: tuple[str, ...]) -> None:
    config = configuration(*small, "head.tied=true", "model.front.size=8")
    task = build_task(config, build_data(config).artifacts())
    assert any(parameter is task.model.front.weight for parameter in task.head.parameters())


def test_the_horizon_is_at_least_the_chunk(configuration: Configuration, small: tuple[str, ...]) -> None:
    for horizon, message in ((15, "shorter than data.chunk_length=16"), ("abc", r"task\.horizon=abc")):
        config = configuration(*small, f"task.horizon={horizon}")
        artifacts = build_data(config).artifacts()
        with pytest.raises(UserError, match=message):
            build_task(config, artifacts)
    config = configuration(*small, "task.horizon=16")
    build_task(config, artifacts)


def test_the_initialisation_reaches_the_cells_of_a_new_task_and_not_those_of_a_checkpoint(
    configuration: Configuration, small: tuple[str, ...]
) -> None:
    config = configuration(*small, "model.layers.depth=2", "init=identity", "init.gain=0.5")
    artifacts = build_data(config).artifacts()
    for cell in build_task(config, artifacts).model.layers.cells:
        for block in cell.weight_recurrent.chunk(4):
            assert torch.equal(block, 0.5 * torch.eye(8))
    restored = build_task(config, artifacts, trains=False).model.layers.cells[0]
    assert not torch.equal(restored.weight_recurrent[:8], 0.5 * torch.eye(8))
    with pytest.raises(UserError, match="Elman has no gates"):
        build_task(configuration(*small, "cell=elman", "init=chrono"), artifacts)


def test_a_task_that_is_trained_has_the_regulariser(
    configuration: Configuration, small: tuple[str, ...]
) -> None:
    config = configuration(*small, "regulariser=flossing", "regulariser.exponents=3")
    artifacts = build_data(config).artifacts()
    assert build_task(config, artifacts).regulariser.exponents == 3
    assert build_task(config, artifacts, trains=False).regulariser is None
    assert build_task(configuration(*small), artifacts).regulariser is None


def test_another_tasks_data_are_refused_with_those_that_fit(configuration: Configuration) -> None:
    check_fit(configuration()["task"], "characters", "text")
    with pytest.raises(UserError, match=r"data=taylor; data that fit: characters, lines, text"):
        check_fit(configuration()["task"], "taylor", "series")


def test_every_data_set_is_found_by_its_kind() -> None:
    names = {path.stem for path in (CONFIGURATIONS / "data").glob("*.yaml")}
    kinds = [fitting_data(kind) for kind in ("text", "tags", "series")]
    found = [name for kind in kinds for name in kind]
    assert all(kinds) and len(found) == len(set(found)) and set(found) <= names
    assert fitting_data("nothing of this kind") == []


def test_a_new_data_set_is_one_file_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "poems.yaml").write_text("_target_: throughtime.data.text.LinesData\n")
    (tmp_path / "data" / "foreign.yaml").write_text("_target_: os.system\n")
    monkeypatch.setattr(build, "CONFIGURATIONS", tmp_path)
    monkeypatch.setattr(build.HydraConfig, "initialized", lambda: False)
    assert fitting_data("text") == ["poems"]


def test_the_tokenizer_is_fitted_on_the_training_split_only(
    configuration: Configuration, small: tuple[str, ...], tmp_path: Path
) -> None:
    text = tmp_path / "unseen.txt"
    text.write_text("abc " * 1000 + "z" * 400)
    config = configuration(*small, f"data.path={text}", "data.split=[0.8,0.1,0.1]")
    vocabulary = build_data(config).tokenizer.vocabulary
    assert "z" not in vocabulary.symbols and "a" in vocabulary.symbols
