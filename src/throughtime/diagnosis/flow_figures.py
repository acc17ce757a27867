"""Figures of the gradient by lag: the newest curves, and a heat map of lag by training step."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from throughtime.diagnosis.gradient_flow import SMALLEST, LayerFlow, half_life

Curves = Sequence[tuple[int, Mapping[int, float]]]
"""The training steps of the measurements, each with norms by lag."""


def shown_lags(count: int) -> list[int]:
    """At most some hundred of the lags 0 … count - 1: all up to 64, then at distances that grow by a twelfth."""
    lags: list[int] = []
    lag = 0
    while lag < count:
        lags.append(lag)
        lag = max(lag + 1, math.floor(lag * 13 / 12)) if lag >= 64 else lag + 1
    return lags if not lags or lags[-1] == count - 1 else [*lags, count - 1]


def draw_curves(axes: Axes, flows: Sequence[LayerFlow]) -> None:
    """‖∂ℓ/∂h_{t-k}‖ over the lag k, a colour for each layer: of the late loss, and of the whole chunk's dashed."""
    axes.set(xlabel="lag k, steps", ylabel="norm of the gradient of h at lag k", yscale="log")
    for index, flow in enumerate(flows):
        colour = f"C{index}"
        axes.plot(
            _drawable(flow.late), color=colour, label=f"{flow.layer}, one late step: {describe(flow.rate)}"
        )
        axes.plot(
            _drawable(flow.chunk),
            color=colour,
            linestyle="--",
            linewidth=1,
            label=f"{flow.layer}, whole chunk",
        )
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def describe(rate: float) -> str:
    """The rate of a curve in words: its half-life, or the steps in which it doubles."""
    if math.isnan(rate):
        return "no gradient at a lag"
    if abs(math.log(rate)) < 1e-4:
        return "constant"
    steps = math.log(2) / abs(math.log(rate))
    return f"{'half-life' if rate < 1 else 'doubles in'} {steps:.3g} steps"


def curves_figure(flows: Sequence[LayerFlow]) -> Figure:
    """The newest curves as a figure of their own."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    draw_curves(figure.add_subplot(), flows)
    return figure


def heat_map(layers: Mapping[str, Curves]) -> Figure:
    """The norm by lag and training step on a logarithmic scale, one panel a layer, and the half-life as a line.

    Args:
        layers: the curves of the late loss by the layer's name.
    """
    figure = Figure(figsize=(7, 1 + 2.8 * len(layers)), layout="constrained")
    panels = figure.subplots(len(layers), 1, squeeze=False)[:, 0]
    for axes, (layer, curves) in zip(panels, layers.items(), strict=True):
        steps = [step for step, _ in curves]
        lags = sorted({lag for _, curve in curves for lag in curve})
        values = np.array([[curve.get(lag, math.nan) for _, curve in curves] for lag in lags])
        shown = np.ma.masked_invalid(np.where(values > SMALLEST, values, math.nan))
        axes.set(title=f"{layer}: gradient of one late step", ylabel="lag k, steps")
        if shown.count():
            top = float(shown.max())
            scale = LogNorm(max(float(shown.min()), top * 1e-8) * (1 - 1e-9), top * (1 + 1e-9))
            mesh = axes.pcolormesh(_edges(steps), _edges(lags), shown, norm=scale, cmap="viridis")
            axes.set_facecolor("0.85")
            figure.colorbar(mesh, ax=axes, label="norm of the gradient")
    panels[-1].set_xlabel("training step")
    return figure


def _edges(centres: Sequence[int]) -> np.ndarray:
    """The borders between neighbouring centres, and one beyond each end."""
    places = np.asarray(centres, dtype=float)
    if len(places) == 1:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middle = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middle[0]], middle, [2 * places[-1] - middle[-1]]])


def _drawable(norms: object) -> np.ndarray:
    values = np.asarray(norms, dtype=float)
    return np.where(values > SMALLEST, values, math.nan)


def longest_half_life(flows: Sequence[LayerFlow]) -> float:
    """The longest half-life among the layers; infinite where a gradient does not fall, NaN where none was measured."""
    found = [half_life(flow.rate) for flow in flows if not math.isnan(flow.rate)]
    return max(found, default=math.nan)
