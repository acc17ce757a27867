"""Small transcribers with random weights, and their data beside them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.data.transcribed.data import TranscribedData
from throughtime.data.transcribed.written_lines import WrittenLines
from throughtime.engine.reference import Reference
from throughtime.head.ctc import CTC
from throughtime.model.inputs.frame_convolution import FrameConvolution
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.model.subsampled import SubsampledModel
from throughtime.task.transcription.task import Transcription


class Made(Transcription):
    """A transcriber with its data beside it."""

    data: TranscribedData


@pytest.fixture
def make() -> Callable[..., Made]:
    """A transcriber of written words in evaluation mode; its head is sharp, so that symbols have peaks."""

    def make(
        causal: bool = True, factor: int = 2, monitor: str = "val/cer", beam: int = 0, **data: Any
    ) -> Made:
        source = WrittenLines(lines=6, eval_lines=7, spacing=0.4)
        found = TranscribedData(source, batch_size=3, **data)
        found.setup()
        artifacts = found.artifacts()
        torch.manual_seed(0)
        model = SubsampledModel(
            partial(FrameConvolution, size=6, factor=factor, context=1),
            partial(Stack if causal else Bidirectional, depth=1),
            partial(GRU, hidden_size=8),
            Reference(),
            **artifacts["input_sizes"],
        )
        head = CTC(model.output_size, **artifacts["output_sizes"])
        with torch.no_grad():
            head.weight *= 20
        task = Made(model, head, None, artifacts, monitor=monitor, beam=beam).eval()
        task.data = found
        return task

    return make
