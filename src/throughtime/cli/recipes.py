"""Check of recipes from other folders: they choose what is trained, never how commands run.

`--config-dir`, `--config-path` and `hydra.searchpath` let YAML files from anywhere take part in the configuration.
Hydra acts on its own part of it (logging classes, callbacks, variables of the environment, launchers, folders) before
the program sees it, so that the part is composed and compared here first.
"""

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

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
    folders, name, overrides = _split(arguments)
    typed = [one for one in overrides if one.lstrip("+~").startswith("hydra.searchpath")]
    if not folders and not typed:
        return
    with_recipes = _hydra(configurations, name, [*overrides, *([] if typed else [_searchpath(folders)])])
    own = [one for one in overrides if _is_own(one, configurations) and one not in typed]
    own_name = name if (configurations / f"{name}.yaml").is_file() else "config"
    without = _hydra(configurations, own_name, own)
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
            folders.append(Path(value if given else next(words, "")).expanduser().resolve())
        elif option in ("--config-name", "-cn"):
            name = (value if given else next(words, "")).removesuffix(".yaml")
        elif not word.startswith("-"):
            overrides.append(word)
    return folders, name, overrides


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
