"""Small handwriting tasks with random weights."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.head.bivariate_mixture import BivariateMixture
from throughtime.model.inputs.conditioned_linear import ConditionedLinear
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.model.window import WindowModel
from throughtime.optim.optimization import Optimization
from throughtime.task.handwriting.task import Handwriting

SYMBOLS = {"none": [], "label": ["0", "1", "2"], "text": list("abc")}


@pytest.fixture
def made() -> Callable[..., Handwriting]:
    """Make a task of a condition, in evaluation mode."""

    def make(condition: str = "label", scale: float = 0.1) -> Handwriting:
        torch.manual_seed(3)
        count = len(SYMBOLS[condition])
        sizes = {"input_size": 4, "classes": count * (condition == "label")}
        sizes["symbols"] = count * (condition == "text")
        parts = {"layers": Stack, "cell": partial(LSTM, hidden_size=6), "engine": Reference()}
        if condition == "text":
            model = WindowModel(**parts, **sizes)
        else:
            model = SequenceModel(partial(ConditionedLinear, size=5), **parts, **sizes)
        head = BivariateMixture(model.output_size, components=3)
        artifacts = {"scale": scale, "condition": condition, "symbols": SYMBOLS[condition]}
        optimization = Optimization(partial(torch.optim.SGD, lr=0.1))
        return Handwriting(model, head, optimization, artifacts).eval()

    return make
