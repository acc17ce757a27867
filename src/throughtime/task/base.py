"""The base class of tasks: a model with a head, trained through time by Lightning's automatic optimisation.

The loss of a chunk is the mean over its counted targets, in the unit of the data (tokens, points, frames, sequences).
Validation and test add up totals and counts, so their means do not depend on how the data were cut into batches. Each
stage carries a state of its own, and the sanity check leaves none behind.

Where several processes (ranks) train one model, each works on a shard of the lanes of every batch; all that is logged,
and the optimiser step, are those of the whole batch.
"""

import argparse
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from lightning.pytorch import LightningModule
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from lightning.pytorch.utilities.enums import GradClipAlgorithmType
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric

from throughtime.callback.logging import is_log_step, log_scalars
from throughtime.data.batch import Batch, Chunk
from throughtime.distributed.collectives import all_gather, all_sum, rank, world_size
from throughtime.engine.recorded_runs import recorded_runs
from throughtime.errors import UserError, check_positive
from throughtime.head.base import Head
from throughtime.optim.optimization import Optimization
from throughtime.optim.plateau import Plateau
from throughtime.regulariser.base import Regulariser
from throughtime.task.export_graph import ExportGraph
from throughtime.task.symbol_axis import SymbolAxis
from throughtime.task.tbptt import TruncatedBPTT, gather, recomputes_model, scatter
from throughtime.tree import leaves, map_state

STAGES = ("train", "val", "test")


class Task(LightningModule):
    """A model with a head, its training and its metrics. Other packages call the hooks below and know no task by name.

    A subclass names its `name`, `kind` and `monitor`, and overrides the hooks that it needs.

    Args:
        model: inputs to features, `model(inputs, state, lengths, resets) -> (features [T, B, H], state)`.
        head: features to a loss and to predictions.
        optimization: optimiser and schedule; None for a task that is not trained.
        horizon: k2 of truncated backpropagation through time; None for the chunk's own length.

    Attributes:
        name: the task's name on the command line.
        kind: the kind of data that it is trained on (`DataModule.kind`).
        monitor, mode: the metric that chooses the best checkpoint, and whether its "min" or its "max" is best.
        directions: whether the "min" or the "max" of further metrics is best, by their names without the stage's; a
            search of several objectives uses it.
        targets_seen: counted training targets so far, in the unit of the data.
        regulariser: a term that is added to the loss in training, or None.

    Raises:
        UserError: a horizon with a bidirectional model.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    monitor: ClassVar[str]
    mode: ClassVar[str] = "min"
    directions: ClassVar[Mapping[str, str]] = {}
    regulariser: Regulariser | None = None

    def __init__(
        self, model: nn.Module, head: Head, optimization: Optimization | None, horizon: int | None = None
    ) -> None:
        super().__init__()
        if horizon is not None:
            check_positive(horizon=horizon)
        self.model = model
        self.head = head
        self.optimization = optimization
        if horizon is not None and not self.is_causal:
            raise UserError(
                "task.horizon is for sequences in chunks, and a bidirectional model reads whole ones; set "
                "task.horizon=null"
            )
        self.carried = {stage: TruncatedBPTT(horizon if stage == "train" else None) for stage in STAGES}
        self.targets_seen = 0
        self._losses = nn.ModuleDict(
            {stage: MeanMetric().set_dtype(torch.float64) for stage in ("val", "test")}
        )
        self._recent = (
            torch.zeros(()),
            0,
        )  # the total loss and the count of targets since train/loss was last logged

    @property
    def is_causal(self) -> bool:
        """Whether the features of a step follow from the steps up to it."""
        layers = getattr(self.model, "layers", None)
        return getattr(layers, "is_causal", not getattr(layers, "backward_size", 0))

    @classmethod
    def check_head(cls, head: type[Head], artifacts: Mapping[str, Any]) -> None:
        """Raise `UserError` where a head does not fit the targets of the data; called before the head is built.

        Args:
            head: its class.
            artifacts: of the data.
        """

    # Hooks: metrics and figures

    def measure_on(self, artifacts: dict[str, Any]) -> None:
        """Take from the artifacts of other data what metrics need of them; what training fitted stays."""

    def metrics(self, stage: str, loss: float) -> Mapping[str, float]:
        """The task's metrics at the end of a stage, by their names without the stage's.

        Args:
            stage: "val" or "test".
            loss: the mean loss of the stage.
        """
        return {}

    def update_metrics(self, stage: str, batch: Batch, features: Tensor) -> None:
        """Add one validation or test batch to what `metrics` computes from; masked targets do not count."""

    def summary_table(self) -> str:
        """The lines that a run's summary shows beside its metrics, such as a comparison with baselines."""
        return ""

    def symbol_axes(self) -> Mapping[str, Sequence[SymbolAxis]]:
        """Symbols of the first axes of weights, by the weights' names, for a transfer between vocabularies."""
        return {}

    # Hooks: commands

    @classmethod
    def add_predict_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of `scripts/predict.py`, beside the run and its weights.

        Raises:
            UserError: the task predicts nothing from a file.
        """
        raise UserError(cls._no_prediction())

    def predict(self, options: argparse.Namespace, config: Mapping[str, Any]) -> None:
        """Predict from a file: `scripts/predict.py`.

        Args:
            options: of `add_predict_options`.
            config: the whole configuration of the run.

        Raises:
            UserError: the task predicts nothing from a file.
        """
        raise UserError(self._no_prediction())

    @classmethod
    def add_generate_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of `scripts/generate.py`, beside the run and its weights.

        Raises:
            UserError: the task writes no samples.
        """
        raise UserError(cls._no_samples())

    def generate(self, options: argparse.Namespace) -> None:
        """Write samples: `scripts/generate.py`.

        Raises:
            UserError: the task writes no samples.
        """
        raise UserError(self._no_samples())

    def export_graph(self) -> ExportGraph:
        """The graph of `scripts/export.py --format onnx`.

        Raises:
            UserError: the task or its model has none.
        """
        raise UserError(f"task={self.name} cannot be exported to ONNX; --format safetensors takes every task")

    def next_commands(self, run: str) -> list[tuple[str, str]]:
        """The commands that use the trained model, as (label, command), shown at the end of a run.

        Args:
            run: its folder, quoted for a shell.
        """
        commands = []
        if self._predicts():
            commands.append(("predict", f"python scripts/predict.py {run} FILE"))
        if self._generates():
            commands.append(("generate", f"python scripts/generate.py {run}"))
        return commands

    @classmethod
    def _predicts(cls) -> bool:
        return cls.predict is not Task.predict

    @classmethod
    def _generates(cls) -> bool:
        return cls.generate is not Task.generate

    @classmethod
    def _no_prediction(cls) -> str:
        instead = "; scripts/generate.py writes its samples" if cls._generates() else ""
        return f"task={cls.name} predicts nothing from a file{instead}"

    @classmethod
    def _no_samples(cls) -> str:
        instead = "; scripts/predict.py predicts from a file" if cls._predicts() else ""
        return f"task={cls.name} writes no samples{instead}"

    # Training and evaluation

    def setup(self, stage: str) -> None:
        data = self.trainer.datamodule
        if stage == "fit" and data is not None:  # a checkpoint is loaded after this
            self.take_pretrained(data.pretrained())

    def take_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """Begin from the weights that the data bring; a row of NaN leaves the parameter's row as it is.

        Args:
            weights: rows of numbers by the name of the parameter that takes them (`DataModule.pretrained`).

        Raises:
            UserError: the rows are of another size than the parameter's.
        """
        for name, rows in weights.items():
            parameter = self.get_parameter(name)
            if rows.shape[1:] != parameter.shape[1:]:
                raise UserError(
                    f"the pretrained vectors of the data have {rows.shape[-1]} numbers each, but {name} has "
                    f"{parameter.shape[-1]}; set {name.rpartition('.')[0]}.size={rows.shape[-1]}"
                )
            with torch.no_grad():
                rows = rows.to(parameter)
                parameter.copy_(torch.where(rows.isnan(), parameter, rows))

    def configure_optimizers(self) -> Any:
        return self.optimization.configure(self, self.trainer.estimated_stepping_batches)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """As Lightning's, which refuses a fused optimiser in mixed precision; but nothing is scaled in bfloat16."""
        precision = self.trainer.precision_plugin
        if isinstance(precision, MixedPrecision) and precision.scaler is None:
            algorithm = GradClipAlgorithmType(gradient_clip_algorithm or "norm")
            Precision.clip_gradients(precision, optimizer, gradient_clip_val or 0.0, algorithm)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_before_batch_transfer(self, batch: object, dataloader_idx: int) -> Batch:
        if not isinstance(batch, Batch):
            raise UserError(
                f"the loader of the data gives a {type(batch).__name__} where a throughtime.data.Batch is needed"
            )
        return batch.shard(rank(), world_size())

    def __setattr__(self, name: str, value: Any) -> None:
        """As `Module`'s, without its search for parameters where Lightning notes each hook, forty times a step."""
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        regulariser, step = self.regulariser, self.trainer.global_step + 1
        due = regulariser is not None and regulariser.is_due(step)
        with recorded_runs() if due else nullcontext() as runs:
            loss, count = self.chunk_loss("train", batch)
        penalty = regulariser.term(runs, loss) if due else None
        summed, counted = loss.detach() * count, count
        if world_size() > 1:
            summed, everyone = all_sum(torch.stack([summed.double(), summed.new_tensor(count).double()]))
            counted = int(everyone)
            # The ranks' gradients are averaged. So weighted, their mean is the gradient of the mean over all targets.
            loss = loss * (count * world_size() / max(counted, 1))
        self.targets_seen += counted
        before, seen = self._recent
        self._recent = (before + summed, seen + counted)
        if penalty is None:
            return loss
        if is_log_step(self.trainer, step):
            # Lightning would log the last value again at steps without the term.
            log_scalars(self.trainer, {"train/penalty": float(penalty.detach())})
        return loss + penalty

    def forget_step(self) -> None:
        """Drop what a training step that was not finite left behind: its carried state, its part of train/loss."""
        # All ranks begin anew or none, since a checkpoint holds the lanes of all of them.
        if not self.trainer.strategy.reduce_boolean_decision(self.carried["train"].is_finite()):
            self.carried["train"].forget()
        self._recent = (torch.zeros((), device=self.device), 0)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        summed, seen = self._recent
        if seen and is_log_step(self.trainer, self.trainer.global_step + 1):
            # Lightning takes "step" for the place on the axis; without it, it would count from 0 and log the epoch.
            self.log_dict({"train/loss": summed / seen, "step": float(self.trainer.global_step + 1)})
            self._recent = (torch.zeros((), device=self.device), 0)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def on_validation_epoch_start(self) -> None:
        self.carried["val"].forget()

    def on_test_epoch_start(self) -> None:
        self.carried["test"].forget()

    def on_validation_epoch_end(self) -> None:
        self._log_metrics("val")
        self.carried["val"].forget()

    def on_test_epoch_end(self) -> None:
        self._log_metrics("test")
        self.carried["test"].forget()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["carried"] = gather(all_gather(self.carried["train"].state_dict()))
        checkpoint["targets_seen"] = self.targets_seen
        checkpoint["recent"] = self._recent

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.carried["train"].load_state_dict(
            scatter(checkpoint["carried"], rank(), world_size()), self.model
        )
        self.targets_seen = checkpoint["targets_seen"]
        summed, seen = checkpoint["recent"]
        self._recent = (summed.to(self.device), seen)

    def chunk_loss(self, stage: str, batch: Batch) -> tuple[Tensor, int]:
        """The mean loss of one batch and the number of targets it is a mean of."""
        measured = stage != "train" and type(self).update_metrics is not Task.update_metrics
        if not measured and self._in_segments(batch):
            total = self.carried[stage].recomputed_loss(
                self.model, batch.chunk, partial(self._segment_loss, batch), list(self.parameters())
            )
            count = batch.count()
            return total / max(count, 1), count
        features = self.head_features(batch, self.carried[stage].run(self.model, batch.chunk))
        if stage != "train":
            self.update_metrics(stage, batch, features)
        return self.head.loss(features, batch.targets, batch.target_mask()), batch.count()

    def head_features(
        self, batch: Batch, features: Float[Tensor, "T B H"]
    ) -> Float[Tensor, "T B H"] | Float[Tensor, "B H"]:
        """The features that the head reads: all for targets of each step, the last ones for targets of each sequence.

        Where a sequence spans several chunks, its target counts (`Batch.mask`) in the chunk with its last step, whose
        features follow from the whole sequence by the carried state.

        Args:
            batch: with `lane_axis` 1 for targets of each step, 0 for targets of each sequence.
            features: of the chunk.
        """
        if batch.lane_axis == 1:
            return features
        return features[
            _last_steps(batch.chunk), torch.arange(batch.chunk.batch_size, device=features.device)
        ]

    def _in_segments(self, batch: Batch) -> bool:
        """Whether the loss of a batch is computed segment by segment (`engine.recompute=true`)."""
        pools = batch.lane_axis == 0 and type(self).head_features is not Task.head_features
        return not pools and recomputes_model(self.model)

    def _segment_loss(self, batch: Batch, features: Tensor, steps: slice) -> Tensor:
        """The loss of some steps of a batch, added up over their counted targets."""
        mask = batch.target_mask()
        if batch.lane_axis == 1:
            targets = map_state(lambda tensor: tensor[steps], batch.targets)
            mask = None if mask is None else mask[steps]
        else:
            targets, last = batch.targets, _last_steps(batch.chunk)
            mask = torch.ones_like(leaves(targets)[0], dtype=torch.bool) if mask is None else mask
            inside = (last >= steps.start) & (last < steps.stop)
            mask = mask & inside.view(-1, *[1] * (mask.dim() - 1))
            places = (last - steps.start).clamp(0, len(features) - 1)
            features = features[places, torch.arange(len(places), device=features.device)]
        return self.head.loss(features, targets, mask) * (
            leaves(targets)[0].numel() if mask is None else mask.sum()
        )

    def _evaluate(self, stage: str, batch: Batch) -> None:
        # A chunk in which nothing counts runs too: later chunks go on from the state after it.
        loss, count = self.chunk_loss(stage, batch)
        if count:
            self._losses[stage].update(loss.double(), count)

    def _log_metrics(self, stage: str) -> None:
        with warnings.catch_warnings():
            # Of no target at all the mean is NaN; a rank without targets still takes part in the mean of all ranks.
            warnings.filterwarnings("ignore", message=".*before the ``update`` method")
            loss = float(self._losses[stage].compute())
        self._losses[stage].reset()
        values = {
            f"{stage}/{name}": value for name, value in {"loss": loss, **self.metrics(stage, loss)}.items()
        }
        if stage == "val" and self.monitor not in values:
            raise UserError(
                f"task.monitor={self.monitor} is not measured; choose one of: {', '.join(sorted(values))}"
            )
        self.log_dict(values | {"step": float(self.trainer.global_step)})
        schedule = self.lr_schedulers() if stage == "val" and not self.trainer.sanity_checking else None
        if isinstance(schedule, Plateau):
            schedule.observe(values[self.monitor] if self.mode == "min" else -values[self.monitor])


def _last_steps(chunk: Chunk) -> Int[Tensor, " B"]:
    """The index of each lane's last true step in a chunk; 0 for a lane without steps."""
    if chunk.lengths is not None:
        return (chunk.lengths - 1).clamp(min=0)
    device = leaves(chunk.inputs)[0].device
    return torch.full((chunk.batch_size,), chunk.steps - 1, device=device)


def check_horizon(horizon: int | None, chunk_length: int) -> None:
    """Raise `UserError` unless k2 >= k1: the gradient must reach back at least through the chunk that has the loss."""
    if horizon is not None and horizon < chunk_length:
        raise UserError(
            f"task.horizon={horizon} is shorter than data.chunk_length={chunk_length}; "
            "the horizon (k2) must be at least the chunk (k1)"
        )


class TaskPart:
    """A part of a task that a configuration may name at `task.<name>`, such as a backtest."""
