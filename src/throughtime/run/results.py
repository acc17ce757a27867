"""`results.json`: status, metrics and cost of a run, written atomically."""

import math
from dataclasses import asdict, dataclass, field

from throughtime.errors import UserError
from throughtime.files import write_text
from throughtime.run.folder import RunFolder, write_json
from throughtime.run.recorded_files import read_results


@dataclass
class Results:
    """The fields of results.json.

    Attributes:
        status: running, completed, interrupted or failed.
        best: the best value of the monitored metric, and `best_step` the optimiser step that gave it.
        metrics: the final value of every logged metric, by its name.
        choices: the option chosen for each config group.
        pruned: whether a search stopped the run early; its status is completed, and it is not resumed.
        seconds: of training, validations included; of a resumed run with those up to each checkpoint.
        speed: training targets a second over that time, in `unit`.
        unit: of the data's targets (tokens, points, frames).
    """

    task: str
    seed: int
    overrides: list[str]
    monitor: str
    mode: str
    choices: dict[str, str] = field(default_factory=dict)
    status: str = "running"
    pruned: bool = False
    best: float | None = None
    best_step: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    parameters: int = 0
    steps: int = 0
    epochs: int = 0
    seconds: float = 0.0
    speed: float = 0.0
    unit: str = "tokens"
    checkpoint: str | None = None

    def continue_from(self, folder: RunFolder) -> None:
        """Take over the results of a run that is resumed, as far as they were written; its test is repeated."""
        try:
            earlier = read_results(folder.results)
        except UserError:
            return
        for name in ("best", "best_step", "steps", "epochs", "seconds", "speed", "checkpoint"):
            setattr(self, name, earlier.get(name, getattr(self, name)))
        self.choices = earlier.get("choices", {})
        self.metrics = {
            name: value for name, value in earlier["metrics"].items() if not name.startswith("test/")
        }

    def fail_where_never_finite(self, folder: RunFolder) -> str | None:
        """Record a run whose monitored metric was measured and never finite as failed; returns why, or None."""
        measured = self.metrics.get(self.monitor)
        if self.best is not None or measured is None or math.isfinite(measured):
            return None
        self.status = "failed"
        message = f"{self.monitor} was never finite"
        write_text(folder.error, f"{message}\n")
        self.write(folder)
        return message

    def write(self, folder: RunFolder) -> None:
        """Write results.json by rename."""
        write_json(folder.results, asdict(self))
