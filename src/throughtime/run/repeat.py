"""Repetition of a run from its own configuration, with a report of differences and a comparison of weights."""

from collections.abc import Callable
from typing import Any

import torch

from throughtime.callback.checkpoint_files import LAST
from throughtime.config.flat_config import differences, flat
from throughtime.errors import UserError
from throughtime.run.build import Config
from throughtime.run.checkpoint import read_checkpoint
from throughtime.run.environment import RESUMED
from throughtime.run.fit import Run, fit_run
from throughtime.run.folder import RunFolder, existing_run
from throughtime.run.recorded_files import read_object, read_overrides, read_results
from throughtime.run.results import Results

OF_THE_COMMAND = ("command", "folder", RESUMED)
"""Entries of environment.json that differ between any two runs without changing either."""


def repeat(
    config: Config,
    folder: RunFolder,
    log: Callable[[str], None] = Run.log,
    named: frozenset[str] = frozenset(),
) -> Results:
    """Repeat the run that `rerun` names, with its own configuration.

    On the same machine, with the same versions, threads and data, the weights are the same to the last bit.

    Args:
        config: the recorded configuration, with the original's folder as `rerun`.
        folder: where the repetition goes.
        log: takes the messages: the differences at the start, and the comparison of the weights at the end.
        named: keys of files that the user has named in this command; all others must be those of the original.

    Raises:
        UserError: the original cannot be read, and whatever `fit` raises.
    """
    original = existing_run(config["rerun"], "rerun")
    opened = False

    def log_with_differences(text: str) -> None:
        nonlocal opened
        log(text)
        if not opened:  # environment.json of the repetition has just been written
            opened = True
            log(environment_differences(original, folder, config))

    results = fit_run(
        Run(
            config,
            folder,
            read_overrides(original.overrides),
            _choices(original),
            log_with_differences,
            named=named,
            original=original,
        )
    )
    log(weight_comparison(original, folder))
    return results


def environment_differences(original: RunFolder, repetition: RunFolder, config: Config) -> str:
    """A report of what differs between the environments, and of what else keeps the weights from being the same."""
    before, now = _environment(original), _environment(repetition)
    if before is None:
        return f"repeats {original.path}, which has recorded no environment"
    kept = [{key: value for key, value in one.items() if key not in OF_THE_COMMAND} for one in (before, now)]
    lines = [f"  {key}: {one} → {other}" for key, (one, other) in differences(*map(flat, kept)).items()]
    resumed = before.get(RESUMED)
    for changed in resumed if isinstance(resumed, list) else []:
        words = " ".join(map(str, changed)) if isinstance(changed, list) else changed
        lines.append(f"  it was resumed with {words}, which now holds from the start")
    if config["trainer"].get("max_time"):
        lines.append(
            f"  trainer.max_time={config['trainer']['max_time']} ends a run by the clock, not by its steps"
        )
    if not lines:
        return f"repeats {original.path} in the same environment"
    return "\n".join([f"repeats {original.path}; what differs, so that the weights may:", *lines])


def weight_comparison(original: RunFolder, repetition: RunFolder) -> str:
    """A sentence that says whether the weights after the last step are the same."""
    try:
        one, other = (read_checkpoint(run.checkpoints / LAST) for run in (original, repetition))
    except UserError as error:
        return f"the weights cannot be compared: {error}"
    steps = one["global_step"], other["global_step"]
    if steps[0] != steps[1]:
        return (
            f"the weights cannot be compared: {original.path} took {steps[0]:,} steps, this run {steps[1]:,}"
        )
    weights = one["state_dict"], other["state_dict"]
    if weights[0].keys() != weights[1].keys():
        return f"the weights are not those of {original.path}: other parts of the model have some"
    different = [name for name, weight in weights[0].items() if not torch.equal(weight, weights[1][name])]
    if not different:
        return f"all weights are those of {original.path}, to the last bit"
    return f"{len(different)} of {len(weights[0])} weights are not those of {original.path}: {different[0]} …"


def _environment(run: RunFolder) -> dict[str, Any] | None:
    try:
        return read_object(run.environment)
    except UserError:
        return None


def _choices(run: RunFolder) -> dict[str, str]:
    try:
        return read_results(run.results).get("choices", {})
    except UserError:
        return {}
