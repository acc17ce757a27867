"""Small classifiers with random weights, built of the parts that a configuration would name."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from toy_sequences import ToySource, toy_set

from throughtime.cell.gru import GRU
from throughtime.data.labelled.data import LabelledData
from throughtime.engine.reference import Reference
from throughtime.head.sigmoid import Sigmoid
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.by_kind import Features
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.model.pooling.last import Last
from throughtime.model.sequence import SequenceModel
from throughtime.task.classification.task import Classification


class Made(Classification):
    """A classifier with its data beside it."""

    data: LabelledData


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
        **settings: Any,
    ) -> Made:
        data = LabelledData(ToySource(found or toy_set()), **settings)
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
        task = Made(model, head, None, artifacts, horizon=horizon).double().eval()
        task.data = data
        return task

    return make
