"""Handwriting generation: a model predicts the next point of a pen, and draws by sampling its predictions."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.data.strokes.handwriting_data import conditioned, listed
from throughtime.data.strokes.ink import Stroke
from throughtime.data.strokes.points import to_strokes
from throughtime.errors import Diverged, UserError, check_positive
from throughtime.head.base import Head
from throughtime.model.window import WindowState
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.handwriting.metrics import PointLikelihood

LARGEST_BIAS = 20


class Handwriting(Task):
    """p(point_{t+1} | point_1 .. point_t, condition), measured in nats a point.

    Offsets are in units of σ, their root mean square in training. In units u of the ink the density is that of σ
    divided by σ² of them, so that likelihoods compare between runs with the same data and the same points only.

    Args:
        artifacts: what the data fitted, in plain containers: σ, and the classes or symbols of the condition.
    """

    name: ClassVar[str] = "handwriting"
    kind: ClassVar[str] = "ink"
    monitor: ClassVar[str] = "val/nll"
    directions: ClassVar[Mapping[str, str]] = {"nll": "min"}

    def __init__(
        self,
        model: nn.Module,
        head: Head,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        horizon: int | None = None,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        self.scale: float = artifacts["scale"]
        self.condition: str = artifacts["condition"]
        self.symbols: list[str] = list(artifacts["symbols"])
        self._measured = PointLikelihood()

    def update_metrics(self, stage: str, batch: Batch, features: Float[Tensor, "T B H"]) -> None:
        self._measured.update(self.head.parts(features, batch.targets), batch.target_mask())

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        return self._measured.compute()

    @classmethod
    def add_generate_options(cls, parser: argparse.ArgumentParser) -> None:
        from throughtime.task.handwriting.generate import add_options

        add_options(parser)

    def generate(self, options: argparse.Namespace) -> None:
        from throughtime.task.handwriting.generate import generate

        generate(self, options)

    def next_commands(self, run: str) -> list[tuple[str, str]]:
        option = {"none": "", "label": " --label", "text": " --text"}[self.condition]
        value = {"none": "", "label": self.symbols[:1], "text": self.symbols[:5]}[self.condition]
        given = f"{option} {shlex.quote(''.join(value))}" if option else ""
        return [("generate", f"python scripts/generate.py {run}{given} --bias 0.5 --output ink.svg")]

    def encoded(self, condition: str | None) -> list[int]:
        """The ids of what an ink is conditioned on.

        Args:
            condition: a class, or a text; None of a model without a condition.

        Raises:
            UserError: the class, or a character, is not one of training.
        """
        if self.condition == "none":
            return []
        if not condition:
            raise UserError("there is no text to write; give one with --text")
        for symbol in [condition] if self.condition == "label" else condition:
            if symbol not in self.symbols:
                noun = "class" if self.condition == "label" else "character"
                raise UserError(
                    f"the {noun} {symbol!r} is not one that the model was trained on: {listed(self.symbols)}"
                )
        return [self.symbols.index(one) for one in ([condition] if self.condition == "label" else condition)]

    @torch.inference_mode()
    def draw(
        self,
        conditions: Sequence[str | None],
        bias: float | int,
        length: int,
        generator: torch.Generator,
    ) -> list[list[Stroke]]:
        """Draw an ink for each condition, all at the same time; the model must be in evaluation mode.

        An ink ends with the mark of its end. Of a text it also ends where the pen is lifted once the window has passed
        the last symbol; Graves (2013, section 5.1) ends it there whether the pen is lifted or not.

        Args:
            conditions: a class or a text for each ink; None of a model without a condition.
            bias: b of `throughtime.head.BivariateMixture`.
            length: the most points of an ink.
            generator: on the device of the model.

        Returns:
            the strokes of each ink, from the origin on, in the units of the training ink.

        Raises:
            UserError: a condition is not known, or an argument is out of its range.
            Diverged: the model gives numbers that are not finite.
        """
        check_positive(length=length)
        if not 0 <= bias <= LARGEST_BIAS:
            raise UserError(f"the bias must be from 0 to {LARGEST_BIAS}, not {bias}")
        ids = [self.encoded(condition) for condition in conditions]
        lanes = len(ids)
        point = torch.zeros(lanes, 2 + self.head.marks, device=self.device)
        inputs = conditioned(point, self.condition, ids)
        state = self.model.initial_state(lanes)
        points, ends = [point], torch.full((lanes,), length, device=self.device)
        for step in range(1, length):
            features, state = self.model.step(inputs._replace(features=point), state)
            if not features.isfinite().all():
                raise Diverged("the model gives numbers that are not finite, so nothing can be drawn")
            point = self.head.sample(features, generator, bias)
            points.append(point)
            ends = torch.where(self._is_last(point, state) & (ends == length), step + 1, ends)
            if bool((ends < length).all()):
                break
        drawn = torch.stack(points, 1).cpu()
        drawn[..., :2] *= self.scale
        return [to_strokes(ink[:end].numpy()) for ink, end in zip(drawn, ends.tolist(), strict=True)]

    def _is_last(self, point: Float[Tensor, "B C"], state: Any) -> Bool[Tensor, " B"]:
        """Whether each ink ends with a point, drawn from the features that belong to the state."""
        marked = point[:, -1] > 0
        if not isinstance(state, WindowState):
            return marked
        return marked | ((point[:, 2] > 0) & state.past_text())
