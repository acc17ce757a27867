"""Page of a diagnosis: the verdict, one figure and a table, as PNG and as a self-contained HTML file."""

import base64
import html
import io
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from throughtime.diagnosis.flow_figures import describe_rate, draw_curves
from throughtime.diagnosis.layer import LayerDiagnosis
from throughtime.diagnosis.verdict import Verdict
from throughtime.files import output_file

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "img{max-width:100%}table{border-collapse:collapse}"
    "td,th{border:1px solid #bbb;padding:.2rem .6rem;text-align:right}"
    "td:first-child,th:first-child{text-align:left}pre{background:#f3f3f3;padding:.5rem;overflow-x:auto}"
)


def write_page(
    folder: Path, title: str, verdict: Verdict, layers: Sequence[LayerDiagnosis]
) -> tuple[Path, Path]:
    """Write `diagnosis.png` and `diagnosis.html` into a folder; their paths.

    Args:
        folder: is there.
        title: of the page, such as the run's name.
        verdict, layers: the diagnosis.
    """
    figure = draw_diagnosis(title, verdict, layers)
    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image)
    paths = folder / "diagnosis.png", folder / "diagnosis.html"
    contents = image.getvalue(), page(title, verdict, layers, image.getvalue()).encode()
    for path, content in zip(paths, contents, strict=True):
        with output_file(path) as file:
            file.write(content)
    return paths


def draw_diagnosis(title: str, verdict: Verdict, layers: Sequence[LayerDiagnosis]) -> Figure:
    """All figures on one page, with the verdict above them."""
    figure = Figure(figsize=(12, 12.5), dpi=100, layout="constrained")
    figure.get_layout_engine().set(rect=(0.01, 0.01, 0.98, 0.87), hspace=0.05, wspace=0.05)
    figure.text(0.5, 0.985, title, ha="center", va="top", fontsize="large")
    figure.text(0.03, 0.96, _wrapped(verdict), va="top", fontsize="medium")
    axes = figure.subplots(3, 2).flat
    draw_curves(axes[0], [layer.flow for layer in layers])
    axes[0].set_title("Gradient by lag")
    _draw_singular(axes[1], layers)
    _draw_exponents(axes[2], layers)
    _draw_gates(axes[3], layers)
    _draw_memory(axes[4], layers)
    _draw_dead(axes[5], layers)
    return figure


def _wrapped(verdict: Verdict) -> str:
    return "\n".join(textwrap.fill(sentence, 155) for sentence in verdict.sentences)


def _draw_singular(axes: Axes, layers: Sequence[LayerDiagnosis]) -> None:
    axes.set(
        title="Singular values of Jacobian products",
        xlabel="steps n of the product",
        ylabel="log10 of the singular value",
        xscale="log",
    )
    for index, layer in enumerate(layers):
        lengths = sorted(layer.singular)
        for function, line, name in ((_largest, "o-", "largest"), (_median, "s:", "median")):
            values = [function(layer.singular[length]) / math.log(10) for length in lengths]
            axes.plot(lengths, values, line, color=f"C{index}", label=f"{layer.layer}, {name}", markersize=4)
    axes.set_xscale("log", base=2)
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _largest(values: object) -> float:
    return float(np.asarray(values)[:, 0].mean())


def _median(values: object) -> float:
    return float(np.median(np.asarray(values), axis=1).mean())


def _draw_exponents(axes: Axes, layers: Sequence[LayerDiagnosis]) -> None:
    axes.set(title="Lyapunov spectrum", xlabel="index", ylabel="exponent, nats a step")
    lowest = 0.0
    for index, layer in enumerate(layers):
        values = layer.exponents.numpy()
        lowest = min(lowest, *values[values > -20], 0.0)
        axes.plot(np.arange(1, len(values) + 1), values, ".-", color=f"C{index}", label=layer.layer)
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set_ylim(bottom=min(lowest * 1.1, -0.05))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _draw_gates(axes: Axes, layers: Sequence[LayerDiagnosis]) -> None:
    axes.set(title="Saturation", xlabel="share of the values", xlim=(0, 1))
    rows = [
        (f"{layer.layer} {gate.name}" if len(layers) > 1 else gate.name, gate)
        for layer in layers
        for gate in layer.activity.gates
    ]
    if not rows:
        axes.text(0.5, 0.5, "no sigmoid and no tanh in the step", ha="center", transform=axes.transAxes)
        axes.set_yticks([])
        return
    places = np.arange(len(rows))
    low = [gate.low for _, gate in rows]
    axes.barh(places, low, color="#0072B2", label="lowest hundredth of the range")
    axes.barh(
        places,
        [gate.high for _, gate in rows],
        left=low,
        color="#D55E00",
        label="highest hundredth",
    )
    axes.set_yticks(places, [name for name, _ in rows], fontsize="small")
    axes.invert_yaxis()
    axes.legend(fontsize="small")


def _draw_memory(axes: Axes, layers: Sequence[LayerDiagnosis]) -> None:
    axes.set(
        title="Time constants of the state",
        xlabel="units, sorted",
        ylabel="steps",
        yscale="log",
    )
    for index, layer in enumerate(layers):
        for line, (part, values) in zip("-:-.", layer.memory.items(), strict=False):
            shown = np.sort(np.clip(values.numpy(), 1e-2, 1e5))[::-1]
            axes.plot(shown, line, color=f"C{index}", label=f"{layer.layer}, {part}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _draw_dead(axes: Axes, layers: Sequence[LayerDiagnosis]) -> None:
    axes.set(title="Dead units", xlabel="share of the units", xlim=(0, 1))
    places = np.arange(len(layers))
    shares = [layer.activity.dead for layer in layers]
    axes.barh(places, shares, height=0.5, color="0.4")
    for place, share in zip(places, shares, strict=True):
        axes.text(min(share + 0.02, 0.9), place, f"{share:.1%}", va="center")
    axes.set_yticks(places, [layer.layer for layer in layers], fontsize="small")
    axes.set_ylim(len(layers) - 0.3, -0.7)


def page(title: str, verdict: Verdict, layers: Sequence[LayerDiagnosis], image: bytes) -> str:
    """The HTML page, with the figure inside it; it loads nothing."""
    settings = "".join(
        f"<p>{html.escape(reason)}</p><pre>{html.escape(line)}</pre>" for reason, line in verdict.commands
    )
    picture = base64.b64encode(image).decode()
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1>"
        f"<p>{'<br>'.join(html.escape(sentence) for sentence in verdict.sentences)}</p>"
        f"{'<h2>Settings to try</h2>' + settings if settings else ''}"
        f'<h2>Figures</h2><img alt="figures of the diagnosis" src="data:image/png;base64,{picture}">'
        f"<h2>Layers</h2>{_table(layers)}</body></html>\n"
    )


def _table(layers: Sequence[LayerDiagnosis]) -> str:
    rows = [
        "<tr><th>layer</th><th>cell</th><th>gradient</th><th>largest exponent</th><th>dead units</th>"
        "<th>median time constant</th><th>saturated below, above</th></tr>"
    ]
    for layer in layers:
        memory = ", ".join(f"{part} {float(values.median()):.3g}" for part, values in layer.memory.items())
        gates = "; ".join(f"{gate.name} {gate.low:.1%}, {gate.high:.1%}" for gate in layer.activity.gates)
        cells = (
            layer.layer,
            layer.cell,
            describe_rate(layer.flow.rate),
            f"{float(layer.exponents[0]):.4g}",
            f"{layer.activity.dead:.1%}",
            memory,
            gates,
        )
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<table>{''.join(rows)}</table>"
