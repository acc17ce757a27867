"""Errors of Hydra and OmegaConf about a slip in the configuration, as one sentence with the nearest valid key."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from throughtime.config.override_syntax import quoted_form, several_values
from throughtime.errors import UserError, first_line

SWEPT = {
    "interval": "an interval takes two numbers, its ends, such as interval(0.001,0.1)",
    "range": "a range takes numbers, where it begins, the one after its end and its step, such as range(1,10) or "
    "range(10,100,10)",
}
"""Advice on the words of Hydra's grammar for numbers to sweep over."""


def explain(error: Exception, typed: list[str], configurations: Path) -> str:
    """One sentence for a mistake; a `UserError` is one already.

    Args:
        error: what we, Hydra or OmegaConf raised.
        typed: the arguments of the command.
        configurations: the folder conf/.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _unknown_choice(str(error.missing_cfg_file), list(error.options or []))
    if isinstance(error, OverrideParseException):
        return _unreadable(str(error.override), first_line(error))
    if ambiguous := re.match(r"Ambiguous value for argument '(.+)'$", first_line(error)):
        return several_values(ambiguous.group(1))
    if str(error).startswith("Config group override must be"):
        return _no_choice(typed, configurations)
    if overridden := re.match(r"Could not override '([^']+)'", str(error)):
        return _unknown_key(overridden.group(1), typed, configurations)
    return in_one_sentence(error)


def _unreadable(override: str, reason: str) -> str:
    """The sentence for an override that Hydra's grammar does not take, with the form that it takes."""
    if called := re.fullmatch(r"[^=]+=(interval|range)\(.*", override, re.DOTALL):
        return f"{override}: {SWEPT[called.group(1)]}"
    form = quoted_form(override)
    if form is None:
        return f"{override}: this is not of the form key=value ({reason})"
    return f"{override}: a value with such characters needs quotes: {form}"


def in_one_sentence(error: Exception) -> str:
    """OmegaConf's first line about a value that does not resolve, with its key, or the system's about a path."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    key = getattr(error, "full_key", None) or getattr(error.__cause__, "full_key", None)
    sentence = first_line(error)
    return f"{key}: {sentence}" if key and key not in sentence else sentence


def _unknown_choice(missing: str, options: list[str]) -> str:
    group, _, choice = missing.rpartition("/")
    near = difflib.get_close_matches(choice, options, n=1)
    hint = f"did you mean {group}={near[0]}? " if near else ""
    known = f"choose one of: {', '.join(options)}" if options else f"there is no group {group}"
    return f"{group}={choice} is not known; {hint}{known}" if group else f"there is no configuration {choice}"


def _no_choice(typed: list[str], configurations: Path) -> str:
    """Of the typed groups the one whose value is neither the name of an option nor a list of names."""
    for argument in typed:
        group, _, value = argument.lstrip("+").partition("=")
        if not (configurations / group).is_dir():
            continue
        options = sorted(path.stem for path in (configurations / group).glob("*.yaml"))
        if value not in options and not value.startswith("["):
            return f"{group}={value} is not the name of an option; choose one of: {', '.join(options)}"
    return "a config group takes the name of an option, such as cell=gru"


def _unknown_key(key: str, typed: list[str], configurations: Path) -> str:
    names = [argument.split("=")[0].lstrip("+~") for argument in typed]
    others = [
        argument
        for argument, name in zip(typed, names, strict=True)
        if "=" in argument and not argument.startswith("-") and name not in (key, "resume")
    ]
    known = list(_known_keys(others, configurations))
    if key in known:
        return f"{key} cannot be set so: it has another form, or another argument removes it or what holds it"
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5) or _same_ending(key, known)
    hint = f"; did you mean {near[0]}?" if near else "; python train.py --cfg job shows every key"
    return f"{key} is not a key of this configuration{hint}"


def _same_ending(key: str, known: list[str]) -> list[str]:
    """Keys elsewhere in the tree whose last part is the one that was typed (`hidden_size` for `cell.hidden_size`)."""
    last = key.rpartition(".")[2]
    return difflib.get_close_matches(last, [name.rpartition(".")[2] for name in known], n=1, cutoff=0.8) and [
        name for name in known if difflib.SequenceMatcher(None, name.rpartition(".")[2], last).ratio() >= 0.8
    ]


def _known_keys(overrides: list[str], configurations: Path) -> Iterator[str]:
    """Every group and every key of the configuration that the other overrides give."""
    yield from (folder.name for folder in sorted(configurations.iterdir()) if folder.is_dir())
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(configurations), version_base="1.3"):
        for attempt in (overrides, []):
            try:
                config = compose("config", attempt)
            except (
                Exception
            ):  # a second mistake among the others: the plain defaults still give good suggestions
                continue
            yield from _flat(config)
            return


def _flat(config: DictConfig, prefix: str = "") -> Iterator[str]:
    for name in config:
        if name.startswith("_"):
            continue
        yield f"{prefix}{name}"
        node = config._get_node(name)
        if OmegaConf.is_dict(node) and not node._is_none() and not node._is_interpolation():
            yield from _flat(node, f"{prefix}{name}.")
