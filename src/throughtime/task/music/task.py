"""Music: p(x_t | x_1 .. x_{t-1}) of the frames of a piano roll."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from throughtime.data.batch import Batch
from throughtime.errors import Diverged, UserError, check_positive
from throughtime.head.notes import NoteHead
from throughtime.optim.optimization import Optimization
from throughtime.task.base import Task
from throughtime.task.export_graph import ExportGraph
from throughtime.task.music.metrics import FirstFrames, NoteCounts


class Music(Task):
    """p(piece) = Π_t p(x_t | x_1 .. x_{t-1}), x_t in {0, 1}^88, measured in nats a frame.

    The notes of a frame are independent given the frames before it (`head=bernoulli`), or follow one another
    (`head=nade`). All frames of a piece count, its first one after a frame of silence.

    Args:
        artifacts: what the data fitted, in plain containers.
        horizon: k2 of truncated backpropagation through time; None for the chunk's own length.

    Attributes:
        steps_per_beat: of the grid of the piano rolls, in a quarter note.

    Raises:
        UserError: the head is none of notes, or the model reads frames that are yet to be predicted.
    """

    name: ClassVar[str] = "music"
    kind: ClassVar[str] = "music"
    monitor: ClassVar[str] = "val/nll"
    directions: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("nll", "nll_after_first"), "min"
    ) | dict.fromkeys(("frame_accuracy", "precision", "recall", "f1"), "max")

    def __init__(
        self,
        model: nn.Module,
        head: NoteHead,
        optimization: Optimization | None,
        artifacts: dict[str, Any],
        horizon: int | None = None,
    ) -> None:
        super().__init__(model, head, optimization, horizon)
        self.steps_per_beat: int = artifacts["piano_roll"]["steps_per_beat"]
        layers = getattr(model, "layers", None)
        if not getattr(layers, "is_causal", not getattr(layers, "backward_size", 0)):
            raise UserError(
                "a bidirectional model would read the frames that it is to predict; set model=stack"
            )
        self._unfinished = {stage: NoteCounts() for stage in ("val", "test")}
        self._first_frames = {stage: FirstFrames() for stage in ("val", "test")}

    def update_metrics(self, stage: str, batch: Batch, features: Tensor) -> None:
        predicted = self.head.draw(features, temperature=0.0)
        self._unfinished[stage].update(predicted, batch.targets, batch.target_mask())
        first = FirstFrames.of(batch)
        self._first_frames[stage].update(
            batch.count(), self.head.log_likelihood(features[first], batch.targets[first])
        )

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        counts = self._unfinished[stage].over_all_ranks()
        first = self._first_frames[stage].over_all_ranks()
        self._unfinished[stage], self._first_frames[stage] = NoteCounts(), FirstFrames()
        return {"nll": loss, "nll_after_first": first.mean_of_others(loss), **counts.values()}

    @torch.inference_mode()
    def most_probable(self, roll: Float[Tensor, "T N"]) -> Float[Tensor, "T N"]:
        """The notes of each frame of a piece that are predicted from the true frames before it.

        Args:
            roll: of zeros and ones.
        """
        inputs = torch.cat((torch.zeros_like(roll[:1]), roll[:-1]))[:, None].to(self.device)
        features, _ = self.model(inputs, self.model.initial_state(1))
        return self.head.draw(features, temperature=0.0)[:, 0]

    def write(
        self,
        prompt: Float[Tensor, "T N"],
        length: int,
        temperature: float,
        generator: torch.Generator,
    ) -> Iterator[Float[Tensor, " N"]]:
        """Yield the frames that follow a prompt, each drawn given all before it.

        The model must be in evaluation mode.

        Args:
            prompt: of zeros and ones; without frames for a piece from its beginning.
            length: the frames to write.
            temperature: τ of `NoteHead.draw`.
            generator: the source of random numbers, on the model's device.

        Raises:
            UserError: the length is not positive, or the temperature below 0.
            Diverged: the model's features are not finite.
        """
        check_positive(length=length)
        if not 0 <= temperature < float("inf"):
            raise UserError(f"temperature must be at least 0 and finite, not {temperature}")
        with torch.inference_mode():
            silence = prompt.new_zeros(1, prompt.shape[1])
            read = torch.cat((silence, prompt))[:, None].to(self.device)
            features, state = self.model(read, self.model.initial_state(1))
            features = features[-1]
        for step in range(length):
            with (
                torch.inference_mode()
            ):  # entered anew for each frame: around a yield it would leak into the caller
                if step:
                    features, state = self.model.step(frame, state)
                if not bool(features.isfinite().all()):
                    raise Diverged(
                        "the model's features are not finite, because its training diverged; train again with a lower "
                        "optim.optimizer.lr"
                    )
                frame = self.head.draw(features, temperature, generator)
            yield frame[0]

    @classmethod
    def add_generate_options(cls, parser: argparse.ArgumentParser) -> None:
        from throughtime.task.music.generate import add_options

        add_options(parser)

    def generate(self, options: argparse.Namespace) -> None:
        from throughtime.task.music.generate import generate

        generate(self, options)

    def export_graph(self) -> ExportGraph:
        from throughtime.task.music.export_graph import export_graph

        return export_graph(self)

    def next_commands(self, run: str) -> list[tuple[str, str]]:
        return [("generate", f"python scripts/generate.py {run} --length 128 --output new.mid")]
