"""Check of recipes from other folders: they choose what is trained, never how commands run.

`--config-dir`, `--config-path` and `hydra.searchpath` let YAML files from anywhere take part in the configuration.
Hydra acts on its own part of it (logging classes, callbacks, variables of the environment, launchers, folders) before
the program sees it, so that the part is composed and compared here first.
"""

import os
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from omegaconf import OmegaConf

from throughtime.cli.rerun import RECORDED
from throughtime.config.flat_config import flat
from throughtime.errors import UserError

FOLDER_OPTIONS = ("--config-dir", "-cd")
PATH_OPTIONS = ("--config-path", "-cp")
SET_BY_HYDRA = ("overrides.", "runtime.", "job.", "mode", "searchpath", "help.", "hydra_help.", "verbose")
SET_BY_A_SWEEP = "sweeper.params"
JOB_KEYS = ("job.env_set", "job.env_copy", "job.chdir", "job.config")


def check_recipes(arguments: list[str], configurations: Path) -> None:
    """Raise `UserError` where files of another folder would set what Hydra acts on.

    Args:
        arguments: of the command, as Hydra will read them.
        configurations: the folder conf/ of this checkout, whose files may.
    """
    for option in PATH_OPTIONS:
        if any(word.partition("=")[0] == option for word in arguments):
            raise UserError(
                f"{option} would take the place of this checkout's conf/; add a folder of recipes with --config-dir"
            )
    folders, name, words = _split(arguments)
    if not (configurations / f"{name}.yaml").is_file() and name != RECORDED:
        raise UserError(
            f"--config-name={name}: conf/ has no such configuration; name a recipe with experiment={name}, which lies "
            f"in experiment/{name}.yaml of a folder that --config-dir names"
        )
    if not folders and not any(word.lstrip("+~").startswith("hydra.searchpath") for word in words):
        return
    for overrides in _jobs(words, [configurations, *folders]):
        _check_job(overrides, name, folders, configurations)


def _check_job(overrides: list[str], name: str, folders: list[Path], configurations: Path) -> None:
    """Compare Hydra's part of one job with and without the other folders."""
    typed = [one for one in overrides if one.lstrip("+~").startswith("hydra.searchpath")]
    with_recipes = _hydra(configurations, name, [*overrides, *([] if typed else [_searchpath(folders)])])
    own = [one for one in overrides if _is_own(one, configurations) and one not in typed]
    without = _hydra(configurations, name, own)
    for key in with_recipes.keys() | without.keys():
        if with_recipes.get(key) != without.get(key) and _acts(key):
            raise UserError(
                f"hydra.{key} is set by a file in {', '.join(map(str, folders)) or typed[0]}; a recipe says what is "
                "trained, not how commands run; if you mean it, type it on the command line"
            )


def _acts(key: str) -> bool:
    if key.startswith(JOB_KEYS):
        return True
    return not key.startswith((*SET_BY_HYDRA, SET_BY_A_SWEEP))


def _split(arguments: list[str]) -> tuple[list[Path], str, list[str]]:
    """The folders that the options name, the name of the primary configuration, and the overrides."""
    folders, name, overrides = [], "config", []
    words = iter(arguments)
    for word in words:
        option, given, value = word.partition("=")
        if option in FOLDER_OPTIONS:
            folders.append(Path(os.path.expanduser(value if given else next(words, ""))).resolve())
        elif option in ("--config-name", "-cn"):
            name = (value if given else next(words, "")).removesuffix(".yaml")
        elif not word.startswith("-"):
            overrides.append(word)
    return folders, name, overrides


def _jobs(words: list[str], folders: list[Path]) -> list[list[str]]:
    """The overrides of single jobs of a sweep, such that every value of each override stands in one of them."""
    values = [_values(word, one, folders) for word, one in zip(words, _parsed(words), strict=True)]
    jobs = range(max(map(len, values), default=1))
    return [[each[min(job, len(each) - 1)] for each in values if each] for job in jobs]


def _parsed(words: list[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(words)


def _values(word: str, override: Override, folders: list[Path]) -> list[str]:
    """One override for each value that is swept over; none for a range without values of its own, of numbers alone."""
    if not override.is_sweep_override():
        return [word]
    swept = override.value()
    if isinstance(swept, Glob):
        files = (
            path for folder in folders for path in sorted((folder / override.key_or_group).glob("*.yaml"))
        )
        chosen = swept.filter(list(dict.fromkeys(path.stem for path in files)))
    else:
        chosen = list(override.sweep_string_iterator()) if override.is_discrete_sweep() else []
    return [f"{override.get_key_element()}={value}" for value in chosen]


def _searchpath(folders: list[Path]) -> str:
    return f"hydra.searchpath=[{','.join(repr(f'file://{folder}') for folder in folders)}]"


def _is_own(override: str, configurations: Path) -> bool:
    """Whether an override says how commands run: a key of Hydra's, or a choice among the files of this checkout."""
    key, _, value = override.lstrip("+~").partition("=")
    if key.startswith("hydra"):
        return True
    return (configurations / key / f"{value}.yaml").is_file()


def _hydra(configurations: Path, name: str, overrides: list[str]) -> dict[str, Any]:
    """Hydra's own part of a configuration, flat; nothing in it is resolved or acted on."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(configurations), version_base="1.3"):
        config = compose(name, overrides, return_hydra_config=True)
    return flat(OmegaConf.to_container(config.hydra, resolve=False))
