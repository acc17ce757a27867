"""`results.json`: what a run came to, whole at every moment."""

import json
from dataclasses import asdict, dataclass, field

from throughtime.run.folder import RunFolder, write_json


@dataclass
class Results:
    """The fields of results.json.

    Attributes:
        status: running, completed, interrupted or failed.
        best: the best value of the monitored metric, and `best_step` the optimiser step that gave it.
        metrics: the final value of every logged metric, by its name.
        choices: the option chosen for each config group.
        pruned: whether a search stopped the run early; its status is completed, and it is not gone on with.
        seconds: the time of training, validations included; of a resumed run all of it up to each checkpoint.
        speed: training tokens a second over that time.
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
    checkpoint: str | None = None

    def go_on_from(self, folder: RunFolder) -> None:
        """Take over what the run came to before it is resumed, as far as it was written; its test is to come again."""
        try:
            earlier = json.loads(folder.results.read_text())
        except (OSError, ValueError):
            return
        for name in ("best", "best_step", "steps", "epochs", "seconds", "speed", "checkpoint"):
            setattr(self, name, earlier[name])
        self.choices = earlier.get("choices", {})
        self.metrics = {
            name: value for name, value in earlier["metrics"].items() if not name.startswith("test/")
        }

    def write(self, folder: RunFolder) -> None:
        """Write results.json by rename."""
        write_json(folder.results, asdict(self))
