"""Small classifiers with random weights, built of the parts that a configuration would name."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from toy_sequences import ToySource, toy_set

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.data.labelled.data import LabelledData
from throughtime.data.labelled.multitask import MultitaskData
from throughtime.data.text.labelled_text import LabelledText
from throughtime.engine.reference import Reference
from throughtime.head.sigmoid import Sigmoid
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.by_kind import Features
from throughtime.model.inputs.task_embedding import TaskEmbedding
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.shared import Shared
from throughtime.model.layers.stack import Stack
from throughtime.model.multitask import MultitaskModel
from throughtime.model.pooling.last import Last
from throughtime.model.pooling.mean import Mean
from throughtime.model.sequence import SequenceModel
from throughtime.task.classification.task import Classification


class Made(Classification):
    """A classifier with its data beside it."""

    data: LabelledData


@pytest.fixture
def several_tasks(tmp_path) -> Made:
    """A classifier of two tasks in evaluation mode, with an LSTM of each around a shared layer."""
    paths = {}
    for name, labels in {"films": ("good", "bad"), "moods": ("calm", "glad", "sad")}.items():
        rows = [f"{labels[n % len(labels)]},some words {'so' * (n % 3)} {n}" for n in range(30)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["label,text", *rows]) + "\n")
        paths[name] = str(tmp_path / f"{name}.csv")
    data = MultitaskData(LabelledText(), paths, standardise="none")
    data.setup()
    artifacts = data.artifacts()
    torch.manual_seed(0)
    model = MultitaskModel(
        front=partial(TaskEmbedding, size=3, own_size=2),
        layers=Shared,
        cell=partial(LSTM, hidden_size=4),
        engine=Reference(),
        pooling=Mean,
        **artifacts["input_sizes"],
    )
    head = Softmax(model.output_size, **artifacts["output_sizes"])
    task = Made(model, head, None, artifacts).eval()
    task.data = data
    return task


@pytest.fixture
def make() -> Callable[..., Made]:
    """A classifier in float64 and evaluation mode, for the toy sequences."""

    def make(
        found: Any = None,
        pooling: Any = Last,
        cell: Any = None,
        engine: Any = None,
        bidirectional: bool = False,
        horizon: int | None = None,
        mixup: float = 0.0,
        source: Any = None,
        **settings: Any,
    ) -> Made:
        data = LabelledData(source or ToySource(found or toy_set()), **settings)
        data.setup()
        artifacts = data.artifacts()
        torch.manual_seed(0)
        model = SequenceModel(
            front=partial(Features, size=3),
            layers=partial(Bidirectional if bidirectional else Stack, depth=2),
            cell=cell or partial(GRU, hidden_size=4),
            engine=engine or Reference(),
            pooling=pooling,
            **artifacts["input_sizes"],
        )
        head = (Sigmoid if artifacts["multilabel"] else Softmax)(
            model.output_size, **artifacts["output_sizes"]
        )
        task = Made(model, head, None, artifacts, horizon=horizon, mixup=mixup).double().eval()
        task.data = data
        return task

    return make
