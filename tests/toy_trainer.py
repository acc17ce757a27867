"""Fixtures for callbacks of every package: a small task, a trainer, and TensorBoard's view of what was logged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard import program
from tensorboard.backend.application import TensorBoardWSGIApp
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.default import get_plugins
from torch import Tensor, nn
from torch.utils.data import DataLoader
from werkzeug.test import Client


class ToyTask(pl.LightningModule):
    """Fits a line to 12 batches of 5 points, each point a token; validates on 2 batches."""

    monitor = "val/bpc"
    mode = "min"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.line = nn.Sequential(nn.Linear(3, 1), nn.Dropout(0.1))
        self.targets_seen = self.forgotten = 0

    def forget_step(self) -> None:
        self.forgotten += 1

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.targets_seen += len(batch)
        loss = (self.line(batch) - batch.sum(1, keepdim=True)).square().mean() * 100
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log_dict({"val/loss": batch.mean(), "val/bpc": batch.mean() * 2})

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log_dict({"test/loss": batch.mean(), "test/bpc": batch.mean() * 3})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def write_one(self, prompt: str, length: int, decoder: Any, generator: torch.Generator) -> str:
        assert not self.training
        symbols = torch.randint(4, (length,), generator=generator)
        return prompt + "".join("ab*\n"[symbol] for symbol in symbols)


def batches(count: int) -> DataLoader:
    points = torch.rand(5 * count, 3, generator=torch.Generator().manual_seed(1))
    return DataLoader(points, batch_size=5)


@pytest.fixture
def task() -> ToyTask:
    return ToyTask()


@pytest.fixture
def fit(task: ToyTask, tmp_path: Path) -> Callable[..., pl.Trainer]:
    """Fit (and test) the toy task with these callbacks, logging to TensorBoard unless told otherwise."""

    def run(*callbacks: pl.Callback, test: bool = False, **arguments: Any) -> pl.Trainer:
        settings: dict[str, Any] = {
            "default_root_dir": tmp_path,
            "max_steps": 12,
            "val_check_interval": 4,
            "log_every_n_steps": 2,
            "logger": TensorBoardLogger(tmp_path, name="", version="", default_hp_metric=False),
            "enable_progress_bar": any(
                isinstance(callback, pl.callbacks.ProgressBar) for callback in callbacks
            ),
        }
        trainer = pl.Trainer(
            accelerator="cpu",
            enable_checkpointing=any(isinstance(callback, pl.callbacks.Checkpoint) for callback in callbacks),
            enable_model_summary=False,
            callbacks=list(callbacks),
            **settings | arguments,
        )
        trainer.fit(task, batches(12), batches(2))
        if test:
            trainer.test(task, batches(2), verbose=False)
        return trainer

    return run


@pytest.fixture
def scalars(tmp_path: Path) -> Callable[[str], list[float]]:
    """The logged values of a tag, in order."""

    def read(tag: str) -> list[float]:
        events = EventAccumulator(str(tmp_path))
        events.Reload()
        return [event.value for event in events.Scalars(tag)] if tag in events.Tags()["scalars"] else []

    return read


@pytest.fixture
def tensorboard(tmp_path: Path) -> Callable[..., Any]:
    """Ask TensorBoard's own HTTP interface about a folder; a request with a body is posted."""

    def ask(path: str, body: dict[str, Any] | None = None, folder: Path = tmp_path) -> Any:
        board = program.TensorBoard(plugins=get_plugins())
        board.configure(logdir=str(folder))
        multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
        multiplexer.Reload()
        provider = MultiplexerDataProvider(multiplexer, str(folder))
        server = Client(TensorBoardWSGIApp(board.flags, get_plugins(), provider, None, multiplexer))
        reply = server.get(path) if body is None else server.post(path, json=body)
        assert reply.status_code == 200, reply.text
        return reply.json

    return ask
