"""Throughput of training by Lightning, against a bare loop over torch.nn modules or against other settings."""

import itertools
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from benchmarks.interleaved import compare_rates
from benchmarks.setup import prepared
from throughtime.data.base import DataModule
from throughtime.data.batch import Batch
from throughtime.errors import UserError
from throughtime.run.build import Config, build_task
from throughtime.run.checkpoint import AtomicCheckpointIO
from throughtime.run.folder import RunFolder
from throughtime.run.log_filters import filter_logs
from throughtime.run.trainer import build_trainer


class Timestamps(pl.Callback):
    """Times after the first and after the last step."""

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        now = time.perf_counter()
        if trainer.global_step == 1:
            self.first = now
        self.last = now


class BareModel(nn.Module):
    """Embedding, LSTM and linear layer of torch.nn, as one would write without a framework."""

    def __init__(self, vocabulary_size: int, size: int, hidden_size: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, size)
        self.recurrent = nn.LSTM(size, hidden_size, depth, dropout=dropout if depth > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden_size, vocabulary_size)

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        outputs, state = self.recurrent(self.embedding(inputs), state)
        return self.linear(self.dropout(outputs)), state


def measure(overrides: list[str], rounds: int, steps: int, against: Sequence[str] = ()) -> dict[str, Any]:
    """Training targets a second between the first and the last step, without validation and loggers on both sides.

    Args:
        overrides: settings of the run.
        rounds: interleaved rounds.
        steps: optimiser steps a round.
        against: further settings that the other side has, such as engine=torch; without any, it is a bare loop.
    """
    filter_logs()
    config, data, artifacts = prepared(overrides)
    if not against and "LSTM" not in config["cell"]["_target_"]:
        raise UserError("the bare loop has an nn.LSTM; measure with cell=lstm, or --against other settings")
    batches = list(itertools.islice(itertools.cycle(data.train_dataloader()), steps))
    tokens = sum(batch.targets.numel() for batch in batches[1:])
    if against:
        other = prepared([*overrides, *against])
        theirs = partial(framework, *other, steps)
    else:
        theirs = partial(bare, config, artifacts, batches)
    figures = compare_rates(
        lambda: tokens / framework(config, data, artifacts, steps), lambda: tokens / theirs(), rounds
    )
    return {"unit": "training targets a second", "against": " ".join(against) or "a bare loop", **figures}


def framework(config: Config, data: DataModule, artifacts: dict[str, Any], steps: int) -> float:
    """Seconds of `steps` - 1 steps of a run: its trainer with its callbacks, but without validation and loggers."""
    marks = Timestamps()
    budget = {"max_steps": steps, "max_time": None, "limit_val_batches": 0}
    settings = {**config, "trainer": config["trainer"] | budget}
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        folder.checkpoints.mkdir()
        trainer = build_trainer(settings, folder, AtomicCheckpointIO({}), None)
        trainer.callbacks.insert(0, marks)
        trainer.fit(build_task(config, artifacts), train_dataloaders=data.train_dataloader())
    return marks.last - marks.first


def bare(config: Config, artifacts: dict[str, Any], batches: list[Batch]) -> float:
    """Seconds of the same steps in a plain loop: carried state, the same loss, clipping and optimiser."""
    layers, optim = config["model"]["layers"], config["optim"]["optimizer"]
    sizes = (
        config["model"]["front"]["size"],
        config["cell"]["hidden_size"],
        layers["depth"],
        layers["dropout"],
    )
    model = BareModel(artifacts["input_sizes"]["vocabulary_size"], *sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=optim["lr"], fused=optim["fused"])
    state, first = None, 0.0
    for step, batch in enumerate(batches):
        if step == 1:
            first = time.perf_counter()
        logits, state = model(batch.inputs, None if batch.fresh else state)
        state = tuple(part.detach() for part in state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config["trainer"]["gradient_clip_val"])
        optimizer.step()
    return time.perf_counter() - first
