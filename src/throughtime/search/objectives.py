"""Objectives of a search: the monitored metric, or several metrics and costs at once (quality against seconds)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughtime.errors import UserError
from throughtime.run.folder import RunFolder

MINIMIZE, MAXIMIZE = "minimize", "maximize"
DIRECTIONS = {"min": MINIMIZE, "max": MAXIMIZE, MINIMIZE: MINIMIZE, MAXIMIZE: MAXIMIZE}

RESULT_FIELDS = ("seconds", "parameters", "speed", "steps")
"""Objectives that are fields of results.json instead of metrics."""

COSTS = {"loss": "min", "seconds": "min", "parameters": "min", "steps": "min", "speed": "max"}
"""Directions that hold for every task; those of a task's own metrics are in `Task.directions`."""


@dataclass(frozen=True)
class Objective:
    """A metric or a cost that a search minimises or maximises.

    Attributes:
        name: a metric, or a field of `RESULT_FIELDS`; None for the best value of the metric that the task monitors.
        direction: minimize or maximize.
    """

    name: str | None
    direction: str

    @property
    def label(self) -> str:
        return self.name or "the monitored metric"


def objectives(setting: Any, task: Mapping[str, Any]) -> tuple[Objective, ...]:
    """The objectives of a search.

    Args:
        setting: None for the task's monitored metric, a list of names, or a mapping of names to `min` or `max`.
        task: the task's configuration.

    Raises:
        UserError: the setting is none of these, or the direction of a name is not known.
    """
    if setting is None:
        return (Objective(None, _monitored_direction(task)),)
    if isinstance(setting, str):
        setting = [setting]
    if isinstance(setting, list) and all(isinstance(name, str) for name in setting):
        setting = dict.fromkeys(setting)
    if not isinstance(setting, Mapping) or not setting:
        raise UserError(f"sweep.objectives={setting} is not a list of metrics, such as [val/loss,seconds]")
    return tuple(_objective(str(name), direction, task) for name, direction in setting.items())


def _objective(name: str, direction: Any, task: Mapping[str, Any]) -> Objective:
    if direction is None:
        metric = name.rpartition("/")[2]
        direction = COSTS.get(metric) or _task_class(task).directions.get(metric)
    if direction not in DIRECTIONS:
        raise UserError(f"sweep.objectives: give {name} a direction, sweep.objectives={{{name}: min}} or max")
    return Objective(name, DIRECTIONS[direction])


def _monitored_direction(task: Mapping[str, Any]) -> str:
    chosen = task.get("monitor")
    if isinstance(chosen, str) and chosen.endswith("/loss"):
        return MINIMIZE
    return DIRECTIONS[_task_class(task).mode]


def _task_class(task: Mapping[str, Any]) -> Any:
    from throughtime.config.registry import locate  # only now: this imports torch

    return locate(task["_target_"], "task").factory


def objective_values(wanted: Sequence[Objective], folder: Path) -> list[float]:
    """The objectives' values of a completed run; NaN for one that is not finite.

    Raises:
        UserError: the run did not measure one of them.
    """
    results = json.loads(RunFolder(folder).results.read_text(encoding="utf-8"))
    values = [_value(objective, results) for objective in wanted]
    return [float(value) if value is not None and math.isfinite(value) else math.nan for value in values]


def _value(objective: Objective, results: dict[str, Any]) -> float | None:
    if objective.name in (None, results["monitor"]):
        return results["best"]
    if objective.name in RESULT_FIELDS:
        return results[objective.name]
    if objective.name not in results["metrics"]:
        known = ", ".join(sorted([*results["metrics"], *RESULT_FIELDS]))
        raise UserError(f"sweep.objectives: {objective.name} was not measured; what was: {known}")
    return results["metrics"][objective.name]
