"""Every configuration that is shipped composes, builds what its group may build, and rejects an unknown key."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from throughtime.config.instantiate import instantiate
from throughtime.config.registry import locate
from throughtime.errors import UserError

CONFIGURATIONS = Path(__file__).resolve().parent.parent / "conf"
FILES = sorted(CONFIGURATIONS.glob("*/**/*.yaml"))
WHOLE = ("experiment", "debug", "sweep")  # groups whose files set keys of other groups
NOT_OURS = ("hydra", *WHOLE)
OPTIONS = [file for file in FILES if file.relative_to(CONFIGURATIONS).parts[0] not in NOT_OURS]

# These read files of the user's own, so that without data.path there is nothing to make them from.
NEEDS_FILES = {"data=conll", "data=conllu", "data=csv", "data=parallel"}


def choice(file: Path) -> str:
    """The override that chooses a file: cell=lstm, optim/schedule=cosine."""
    *group, name = file.relative_to(CONFIGURATIONS).with_suffix("").parts
    return f"{'/'.join(group)}={name}"


def targets(config: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every class that a configuration names, with the key where it stands."""
    if isinstance(config, dict):
        for name, value in config.items():
            if name == "_target_":
                yield key, value
            yield from targets(value, (*key, str(name)))
    elif isinstance(config, list):
        for value in config:
            yield from targets(value, key)


def package(file: Path) -> tuple[str, ...]:
    """The keys below which a file's content stands: those of its folder, unless its first line says others."""
    first = file.read_text().partition("\n")[0]
    if first.startswith("# @package "):
        named = first.removeprefix("# @package ")
        return () if named == "_global_" else tuple(named.split("."))
    return file.relative_to(CONFIGURATIONS).parent.parts


def needed(file: Path) -> tuple[str, ...]:
    """What must be chosen besides: an input layer, or the pooling, of a model that takes one; else the model's task."""
    group = file.relative_to(CONFIGURATIONS).parent.as_posix()
    if group == "model/inputs":
        return ("model=classifier", "pooling=last")
    if choice(file) == "model=window":  # without an input layer, whose size task=textgen sets
        return ("task=handwriting",)
    return ("pooling=last",) if file.stem.startswith(("classifier", "multitask")) else ()


@pytest.mark.parametrize("file", FILES, ids=choice)
def test_every_class_that_is_named_is_of_the_kind_of_its_place(file: Path) -> None:
    if file.relative_to(CONFIGURATIONS).parts[0] == "hydra":  # Hydra builds its plugins itself
        return
    for key, target in targets(OmegaConf.to_container(OmegaConf.load(file))):
        place = (*package(file), *key)
        if place[0] != "hydra":
            assert callable(locate(target, ".".join(place)).factory)


@pytest.mark.parametrize("file", OPTIONS, ids=choice)
def test_an_option_composes_and_instantiates(
    file: Path, configuration: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if choice(file) == "trainer=gpu" and not torch.cuda.is_available():
        pytest.skip("trainer=gpu is built where there is a GPU; here is none")
    monkeypatch.chdir(tmp_path)
    group = file.relative_to(CONFIGURATIONS).parts[0]
    config = configuration(*needed(file), choice(file), "trainer.max_steps=1")[group]
    if group == "task" or choice(file) in NEEDS_FILES:  # a task waits for its model, head and artifacts
        config = config | {"_partial_": True}
    assert instantiate(config, group) is not None


@pytest.mark.parametrize("file", {file.parent: file for file in OPTIONS}.values(), ids=choice)
def test_an_option_rejects_an_unknown_key(file: Path, configuration: Callable[..., dict[str, Any]]) -> None:
    """One of each group: what refuses the key is that the group's place is one without further keys."""
    key = ".".join((*package(file), "no_such_key"))
    with pytest.raises(ConfigCompositionException, match="no_such_key"):
        configuration(*needed(file), choice(file), f"{key}=1")


@pytest.mark.parametrize("file", [file for file in FILES if choice(file).startswith(WHOLE)], ids=choice)
def test_a_recipe_composes_and_builds_its_parts(
    file: Path, configuration: Callable[..., dict[str, Any]]
) -> None:
    config = configuration(choice(file), resolve=False)
    for key, target in targets(config):
        assert callable(locate(target, ".".join(key)).factory)
    for group in ("cell", "engine", "model", "head", "optim"):
        if config[group] is not None and "${" not in str(config[group]):
            instantiate(config[group], group)


@pytest.mark.parametrize("group", WHOLE)
def test_a_recipe_rejects_an_unknown_key(group: str, configuration: Callable[..., dict[str, Any]]) -> None:
    """A recipe's keys are the whole configuration's, so that one of each kind of recipe is enough."""
    file = next(file for file in FILES if choice(file).startswith(group))
    with pytest.raises(ConfigCompositionException, match="no_such_key"):
        configuration(choice(file), "no_such_key=1", resolve=False)


def test_an_argument_that_a_class_does_not_take_is_refused_too(
    configuration: Callable[..., dict[str, Any]],
) -> None:
    with pytest.raises(UserError, match=r"cell\.no_such_key"):
        instantiate(configuration("+cell.no_such_key=1")["cell"], "cell")


def test_the_command_line_goes_over_the_experiment_and_that_over_the_task(
    configuration: Callable[..., dict[str, Any]],
) -> None:
    base, recipe = configuration(), configuration("experiment=names")
    assert base["data"]["_target_"].endswith("TextData")
    assert recipe["data"]["_target_"].endswith("LinesData")
    assert configuration("task=forecasting")["cell"]["_target_"].endswith("GRU")
    assert configuration("cell=elman", "task=forecasting")["cell"]["_target_"].endswith("Elman")
    typed = configuration("experiment=names", "cell=elman", "trainer.max_steps=3")
    assert typed["cell"]["_target_"].endswith("Elman")
    assert (
        typed["trainer"]["max_steps"] == 3 != recipe["trainer"]["max_steps"] != base["trainer"]["max_steps"]
    )


def test_every_value_is_reached_by_names() -> None:
    """What stands in a list has a place but no name on the command line, so no class stands in one."""
    for file in FILES:
        assert "- _target_" not in file.read_text(), file
