"""The answers of a rule: symbols or numbers at the steps where it has one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.errors import UserError, check_choice, check_positive
from throughtime.head.base import Head
from throughtime.head.point import Point
from throughtime.head.softmax import Softmax
from throughtime.optim.optimization import Optimization
from throughtime.task.algorithmic.metrics import LengthScores
from throughtime.task.base import Task


class Algorithmic(Task):
    """p(y_t | x_1 .. x_t) at the steps t with an answer: a symbol (`head=softmax`), or numbers (`head=mse`).

    The score is that of Delétang et al. (2023): the mean over lengths of the mean accuracy over answer symbols. Of
    numbers it is the mean over lengths of the mean squared error.

    Args:
        artifacts: what the data say of themselves, in plain containers.
        monitor: the metric that chooses the best checkpoint; None for accuracy, and for the error of numbers.
        near: the greatest length whose score counts in `accuracy_near`; longer ones count in `accuracy_far`.

    Attributes:
        rule: sizes, lengths and losses without memory of the data.
        measured: the scores of the last validation and the last test.

    Raises:
        UserError: a monitor that there is not, or a head of the other kind.
    """

    name: ClassVar[str] = "algorithmic"
    kind: ClassVar[str] = "rule"
    monitor: ClassVar[str] = "val/accuracy"
    mode: ClassVar[str] = "max"
    directions: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("accuracy", "accuracy_near", "accuracy_far", "sequence_accuracy"), "max"
    ) | dict.fromkeys(("mse", "mse_near", "mse_far"), "min")

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        monitor: str | None = None,
        near: int = 100,
    ) -> None:
        super().__init__(model, head, optimization)
        check_positive(**{"task.near": near})
        self.rule: dict[str, Any] = artifacts["rule"]
        self.near = near
        self.check_head(type(head), artifacts)
        numbers = self.rule["numbers"]
        score = "val/mse" if numbers else "val/accuracy"
        self.monitor = monitor or score
        self.mode = "max" if "accuracy" in self.monitor else "min"
        check_choice(
            [score, "val/loss"] + ([] if numbers else ["val/sequence_accuracy"]), monitor=self.monitor
        )
        self.measured: dict[str, LengthScores] = {}
        self._unfinished = {stage: self._new_metrics() for stage in ("val", "test")}

    @classmethod
    def check_head(cls, head: type[Head], artifacts: Mapping[str, Any]) -> None:
        numbers = artifacts["rule"]["numbers"]
        if numbers != issubclass(head, Point) or numbers == issubclass(head, Softmax):
            wanted = "numbers; add head=mse" if numbers else "symbols; add head=softmax"
            raise UserError(f"the answers of these data are {wanted} to the command")

    def update_metrics(self, stage: str, batch: Batch, features: Tensor) -> None:
        predicted, losses = self.head.predict(features), None
        if not self.rule["numbers"]:
            losses = -predicted.gather(-1, batch.targets[..., None])[..., 0]
            predicted = predicted.argmax(-1)
        self._unfinished[stage].update(predicted, batch.targets, batch.target_mask(), losses)

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        self.measured[stage] = self._unfinished[stage].over_all_ranks()
        self._unfinished[stage] = self._new_metrics()
        return self.measured[stage].values()

    def summary_table(self) -> str:
        """The test's metrics as means over lengths, and the loss of a model without memory where it is known."""
        if "test" not in self.measured or not self.measured["test"].by_length():
            return ""
        values = {"loss": self.measured["test"].mean_loss, **self.measured["test"].values()}
        widths = {name: max(len(name), 9) + 2 for name in values}
        rows = [f"{'test':<18}" + "".join(f"{name:>{width}}" for name, width in widths.items())]
        rows.append(
            f"{'this model':<18}" + "".join(f"{values[name]:>{width}.4g}" for name, width in widths.items())
        )
        losses = [self.rule["memoryless_losses"][length] for length in self.measured["test"].by_length()]
        if None not in losses:
            rows.append(f"{'without memory':<18}{sum(losses) / len(losses):>{widths['loss']}.4g}")
        return "\n".join(rows)

    def _new_metrics(self) -> LengthScores:
        return LengthScores(self.rule["lengths"], self.rule["numbers"], self.near)
