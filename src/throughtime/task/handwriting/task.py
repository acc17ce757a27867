"""Handwriting generation: a model predicts the next point of a pen, and draws by sampling its predictions."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
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
        horizon: k2 of truncated backpropagation, at most that of a chunk (`data.chunk_length`, k1); None for it.

    Raises:
        UserError: the horizon is beyond a chunk.
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
        chunk = artifacts.get("chunk_length")
        if horizon is not None and chunk is not None and horizon > chunk:
            raise UserError(
                f"task.horizon={horizon} goes beyond the chunks of ink; set task.horizon=null, or data.chunk_length="
                f"{horizon}"
            )
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

        An ink ends with the mark of its end. That of a text is set only where the window has passed the last symbol
        (Graves 2013, section 5.1); there it is also set where the pen is lifted and the end is more probable than
        another stroke.

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
            point = self._sample(features, state, generator, bias)
            points.append(point)
            ends = torch.where((point[:, -1] > 0) & (ends == length), step + 1, ends)
            if bool((ends < length).all()):
                break
        drawn = torch.stack(points, 1).cpu()
        drawn[..., :2] *= self.scale
        return [to_strokes(ink[:end].numpy()) for ink, end in zip(drawn, ends.tolist(), strict=True)]

    def _sample(
        self, features: Float[Tensor, "B H"], state: Any, generator: torch.Generator, bias: float | int
    ) -> Float[Tensor, "B C"]:
        """A random point of each ink, from the features that belong to the state."""
        if not isinstance(state, WindowState):
            return self.head.sample(features, generator, bias)
        may_end = state.past_text()
        point = self.head.sample(features, generator, bias, may_end)
        lifted, ended = self.head.predict(features)[:, 2:].unbind(-1)
        is_end = may_end & (point[:, 2] > 0) & (ended > lifted - ended)
        point[:, -1] = torch.maximum(point[:, -1], is_end.to(point.dtype))
        return point
