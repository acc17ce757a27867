"""The exported graph of a forecaster: windows to point forecasts of the whole horizon."""

import torch
from torch import Tensor, nn

from throughtime.data.window import Window
from throughtime.errors import UserError
from throughtime.task.export_graph import ExportGraph, Sizes
from throughtime.task.forecasting.task import Forecasting


class PointForecast(nn.Module):
    """A window of B lanes -> point forecasts of S steps ahead, in the data's units."""

    def __init__(self, task: Forecasting) -> None:
        super().__init__()
        self.model, self.head = task.model, task.head

    def forward(
        self, history: Tensor, known: Tensor, series: Tensor, location: Tensor, scale: Tensor
    ) -> Tensor:
        window = Window(history, known, series, torch.zeros_like(series), location, scale)
        features = self.model.forecast(window, self.head.predict)
        return window.original(self.head.predict(features))


def export_graph(task: Forecasting) -> ExportGraph:
    """Point forecasts; the look-back and the horizon are those of training, the lanes are free.

    Raises:
        UserError: the model decodes step by step, whose loop cannot be traced for any horizon.
    """
    if task.model.autoregressive:
        raise UserError(
            "a model that writes its forecast step by step (model=recursive, encoder_decoder) cannot be exported to "
            "ONNX; model=segments and direct can, and --format safetensors takes every model"
        )
    data = task.artifacts["input_sizes"]
    steps, horizon = data["look_back"], data["horizon"]

    def example(sizes: Sizes) -> tuple[Tensor, ...]:
        generator, lanes = torch.Generator().manual_seed(sizes["B"]), sizes["B"]

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        return (
            draw(steps, lanes, data["history_size"]),
            draw(steps + horizon, lanes, data["known_size"]),
            torch.randint(data["series_count"] + 1, (lanes,), generator=generator),
            draw(steps + horizon, lanes, data["channels"]),
            draw(lanes, data["channels"]).exp(),
        )

    axes = {
        name: tuple("B" if place == axis else size for place, size in enumerate(tensor.shape))
        for name, tensor, axis in zip(
            ("history", "known", "series", "location", "scale"),
            example({"B": 1}),
            (1, 1, 0, 1, 0),
            strict=True,
        )
    }
    return ExportGraph(
        PointForecast(task), axes, ("point",), example, tuple({"B": lanes} for lanes in (3, 1, 7))
    )
