"""Report of a search for the terminal: the status of its trials, the importance of keys, the command of the best."""

import math
import shlex
import warnings
from collections import Counter
from collections.abc import Sequence

from optuna import Study
from optuna.importance import get_param_importances
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from throughtime.config.trust import as_override
from throughtime.report.columns import short_names
from throughtime.report.grid import TextGrid, as_terminal_text
from throughtime.report.numbers import format_number, format_setting
from throughtime.search.objectives import Objective
from throughtime.search.space import Space
from throughtime.search.trials import ERROR, overrides

STATE_NAMES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "not finished",
}
SEARCH_ARGUMENTS = ("sweep=", "sweep.", "hydra.", "hydra/", "resume=")


def search_report(
    study: Study, space: Space, objectives: Sequence[Objective], total: int, arguments: Sequence[str]
) -> str:
    """The report as text.

    Args:
        study: the search.
        space: the distribution of each key.
        objectives: what is minimised or maximised.
        total: the number of trials that were requested.
        arguments: the user's overrides, without the searched keys.
    """
    parts = [_counts(study, total)]
    best = best_trials(study)
    if not best:
        return f"{parts[0]}\nno trial is complete, so there is no best one\n"
    if len(objectives) > 1:
        parts.append(_pareto_front(best, space, objectives))
    importance = importances(study, space)
    if importance:
        parts.append(_importance_table(importance, objectives))
    parts += [_command(trial, space, objectives, arguments) for trial in best[:3]]
    return "\n".join(parts) + "\n"


def best_trials(study: Study) -> list[FrozenTrial]:
    """The best trial; of several objectives those on the Pareto front, by the first objective."""
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return []
    if len(study.directions) == 1:
        return [study.best_trial]
    sign = 1 if study.directions[0] == StudyDirection.MINIMIZE else -1
    return sorted(study.best_trials, key=lambda trial: (sign * trial.values[0], trial.number))


def importances(study: Study, space: Space) -> dict[str, float]:
    """The importance of each key for the (first) objective, the largest first; {} after too few trials.

    By PED-ANOVA (Watanabe, Bansal, Hutter 2023, arXiv 2304.10255).
    """
    values = [trial.values[0] for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    varied = [key for key, one in space.items() if not one.single()]
    if len(set(values)) < 2 or not varied:
        return {}
    sign = 1 if study.directions[0] == StudyDirection.MINIMIZE else -1  # Optuna minimises a target
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # which says so
        shares = get_param_importances(study, params=varied, target=lambda trial: sign * trial.values[0])
    return shares if all(math.isfinite(share) for share in shares.values()) else {}


def _counts(study: Study, total: int) -> str:
    states = Counter(trial.state for trial in study.get_trials(deepcopy=False))
    counts = ", ".join(f"{states[state]} {word}" for state, word in STATE_NAMES.items() if states[state])
    lines = [f"search: {sum(states.values())} of {total} trials ({counts or 'none'})"]
    for trial in study.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
        lines.append(f"  trial {trial.number} failed: {trial.user_attrs.get(ERROR, 'for no known reason')}")
    return "\n".join(lines)


def _importance_table(shares: dict[str, float], objectives: Sequence[Objective]) -> str:
    widest = max(shares.values())
    lines = [[key, f"{share:4.0%}", "█" * round(24 * share / widest)] for key, share in shares.items()]
    return as_terminal_text([TextGrid([f"importance for {objectives[0].label}", "", ""], lines, 3)])


def _pareto_front(best: Sequence[FrozenTrial], space: Space, objectives: Sequence[Objective]) -> str:
    names = short_names(list(space))
    head = ["trial", *(names[key] for key in space), *(one.label for one in objectives)]
    lines = [
        [
            str(trial.number),
            *(format_setting(trial.params[key]) for key in space),
            *(format_number(value) for value in trial.values),
        ]
        for trial in best
    ]
    note = "The Pareto front: no other trial is better in one objective without being worse in another."
    return as_terminal_text([TextGrid(head, lines, 1 + len(space), note, wraps=1 + len(space))])


def _command(
    trial: FrozenTrial, space: Space, objectives: Sequence[Objective], arguments: Sequence[str]
) -> str:
    """The command that trains a trial's configuration again."""
    kept = [argument for argument in arguments if not argument.lstrip("+~").startswith(SEARCH_ARGUMENTS)]
    values = ", ".join(
        f"{one.label} {format_number(value)}" for one, value in zip(objectives, trial.values, strict=True)
    )
    command = shlex.join([*kept, *overrides(trial, space)])
    return f"trial {trial.number} ({values}):\n  python train.py {command}{as_override()}"
