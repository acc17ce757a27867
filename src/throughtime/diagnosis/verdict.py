"""Verdict on the gradient of a model: what vanishes or explodes, why, and which settings to try."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from throughtime.diagnosis.gradient_flow import half_life
from throughtime.diagnosis.layer import LayerDiagnosis

VANISHED = 1e-3
"""A gradient vanishes where less than this share of it is left at the largest lag."""

EXPLODED = 10.0
"""A gradient explodes where it is this many times as large at the largest lag."""

SATURATION = 0.3
"""A gate or an activation with more than this share of saturated values is named as a cause."""

PLAIN = ("Elman", "IndRNN", "Antisymmetric", "Unitary", "CoRNN")
"""Cells without gates."""

Option = tuple[str, str]
"""What to try, and the setting that does it."""


@dataclass(frozen=True)
class Verdict:
    """Three sentences, and settings to try.

    Attributes:
        kind: "vanishes", "explodes" or "healthy"; "unknown" where no gradient was measured at a lag.
        sentences: what, why, and what to do.
        commands: what to try, with the command for each.
    """

    kind: str
    sentences: tuple[str, str, str]
    commands: list[tuple[str, str]]


def gradient_verdict(
    layers: Sequence[LayerDiagnosis],
    config: Mapping[str, Any],
    typed: Sequence[str],
    step: int,
    history: Mapping[str, Sequence[tuple[int, float]]] | None = None,
) -> Verdict:
    """The verdict on a model.

    The gradient explodes where it does so in any layer, and vanishes where it does so in all.

    Args:
        layers: at least one.
        config: of the run, resolved.
        typed: the words of the command line that made it.
        step: the optimiser step of the checkpoint.
        history: the change of the gradient over its lags at earlier steps, by layer (`changes`).
    """
    changes = {layer.layer: change(layer.flow.rate, len(layer.flow.late)) for layer in layers}
    known = [layer for layer in layers if not math.isnan(changes[layer.layer])]
    if not known:
        return Verdict("unknown", _unknown(), [])
    worst = max(known, key=lambda layer: changes[layer.layer])
    kind = kind_of(changes[worst.layer])
    since = "" if kind == "healthy" else f" {_since(kind, step, (history or {}).get(worst.layer, ()))}"
    options = _options(kind, worst, config)
    return Verdict(
        kind,
        (_what(kind, worst, since), _why(kind, worst), _advice(kind, worst, config, bool(options))),
        [(reason, command(typed, setting)) for reason, setting in options],
    )


def change(rate: float, count: int) -> float:
    """The factor between the gradient at the first and at the last of `count` lags."""
    if math.isnan(rate):
        return math.nan
    return math.exp(min(700.0, max(-700.0, math.log(rate) * (count - 1))))


def kind_of(factor: float) -> str:
    """The kind of a change over all lags."""
    if factor > EXPLODED:
        return "explodes"
    return "vanishes" if factor < VANISHED else "healthy"


def _unknown() -> tuple[str, str, str]:
    return (
        "No gradient was measured at a lag above 0.",
        "The sequences have one step, or the loss does not depend on the state.",
        "Give longer sequences with --path, or a longer data.chunk_length.",
    )


def _what(kind: str, layer: LayerDiagnosis, since: str) -> str:
    rate, last = layer.flow.rate, len(layer.flow.late) - 1
    place = f"{layer.layer} ({layer.cell})"
    left = f"{change(rate, last + 1):.2g} of it arrives {last} steps back"
    if kind == "explodes":
        times = f"{change(rate, last + 1):.2g} times as much arrives {last} steps back"
        return f"The gradient explodes in {place}: it grows by a factor of {rate:.3g} a step, and {times}{since}."
    steps = half_life(rate)
    fall = "does not fall" if math.isinf(steps) else f"has a half-life of {steps:.3g} steps"
    if kind == "vanishes":
        return f"The gradient vanishes in {place}: it {fall}, and {left}{since}."
    return f"The gradient is healthy: in {place} it {fall}, and {left}."


def _since(kind: str, step: int, history: Sequence[tuple[int, float]]) -> str:
    """Since which of the earlier measurements it has been so without a break."""
    first = None
    for measured, factor in history:
        if kind_of(factor) != kind:
            first = None
        elif first is None:
            first = measured
    if first is None:
        return f"(at step {step})"
    return f"(since step {first} of {step}, by gradient_flow.csv)"


def _power_of_ten(exponent: float) -> str:
    """10 to this power with two digits, or the nearest whole power beyond what a number can hold."""
    return f"{10.0**exponent:.2g}" if abs(exponent) < 300 else f"1e{exponent:.0f}"


def _why(kind: str, layer: LayerDiagnosis) -> str:
    longest = max(layer.singular)
    top = float(layer.singular[longest][:, 0].mean()) / math.log(10)
    dynamics = (
        f"the largest Lyapunov exponent is {float(layer.exponents[0]):.3g} nats a step, and a change of the state is "
        f"multiplied by at most {_power_of_ten(top)} in {_steps(longest)}"
    )
    saturated = [gate for gate in layer.activity.gates if gate.low + gate.high > SATURATION]
    if kind == "vanishes" and saturated:
        gate = max(saturated, key=lambda gate: gate.low + gate.high)
        return (
            f"Cause: {(gate.low + gate.high):.0%} of the values of {gate.name} are saturated, where its derivative is "
            f"close to 0; {dynamics}."
        )
    if kind == "vanishes":
        return f"Cause: the recurrence contracts, though no gate is saturated; {dynamics}."
    if kind == "explodes":
        chaotic = float(layer.exponents[0]) > 0
        cause = "the recurrence is chaotic" if chaotic else "the recurrence stretches some directions"
        return f"Cause: {cause}; {dynamics}."
    return f"Reason: {dynamics}."


def _steps(count: int) -> str:
    return "one step" if count == 1 else f"{count} steps"


def _advice(kind: str, layer: LayerDiagnosis, config: Mapping[str, Any], options: bool) -> str:
    steps, followed = half_life(layer.flow.rate), len(layer.flow.late)
    horizon = min(_horizon(config) or followed, followed)
    wasted = max(0, horizon - round(steps)) if math.isfinite(steps) else 0
    reach = (
        f"Of the {horizon} steps of the horizon {wasted} ({wasted / horizon:.0%}) lie beyond the half-life"
        if wasted
        else f"The gradient of all {horizon} steps of the horizon counts"
    )
    return f"{reach}; {'try the settings below' if options else 'no setting needs a change'}."


def _horizon(config: Mapping[str, Any]) -> int | None:
    """k2, or k1 where it is none; None for data of whole sequences."""
    own = (config.get("task") or {}).get("horizon")
    return own or (config.get("data") or {}).get("chunk_length")


def _options(kind: str, layer: LayerDiagnosis, config: Mapping[str, Any]) -> list[Option]:
    """Settings for an exploding or a vanishing gradient, of those that the run's configuration has."""
    cell, layers = config.get("cell") or {}, (config.get("model") or {}).get("layers") or {}
    options: list[Option] = []
    if kind in ("healthy", "unknown"):
        return options
    if "recurrent_initialisation" in cell and cell["recurrent_initialisation"] != "orthogonal":
        options.append(
            (
                "initialisation: an orthogonal matrix neither shrinks nor stretches",
                "cell.recurrent_initialisation=orthogonal",
            )
        )
    if kind == "vanishes" and "forget_bias" in cell:
        options.append(
            (
                "initialisation: a forget gate that keeps more",
                f"cell.forget_bias={float(cell['forget_bias']) + 2:g}",
            )
        )
    if kind == "vanishes" and "forget_bias" in cell and not config.get("init"):
        options.append(
            (
                "initialisation: gates whose time constants reach over all measured lags",
                f"init=chrono init.longest={max(3, len(layer.flow.late))}",
            )
        )
    if kind == "vanishes" and layer.cell in PLAIN and not config.get("regulariser"):
        options.append(
            (
                "regulariser: the gradient keeps its norm from step to step",
                "regulariser=norm_preserving",
            )
        )
    if layer.cell in PLAIN:
        options.append(("cell: gates carry the gradient over many steps", "cell=lstm"))
    elif layer.cell != "LEM":
        options.append(("cell: long expressive memory bounds the gradient", "cell=lem"))
    if kind == "explodes":
        clip = (config.get("trainer") or {}).get("gradient_clip_val")
        options.append(
            (
                "clipping: bounds the norm of the gradient",
                f"trainer.gradient_clip_val={1.0 if not clip else clip / 10:g}",
            )
        )
        if "delta_clip" in (engine := config.get("engine") or {}) and not engine["delta_clip"]:
            options.append(("clipping: bounds the gradient at each step back", "engine.delta_clip=1.0"))
    options += _horizon_options(kind, layer, config)
    if layers.get("layer_norm") is False:
        options.append(("normalisation: of the output of each layer", "model.layers.layer_norm=true"))
    return options


def _horizon_options(kind: str, layer: LayerDiagnosis, config: Mapping[str, Any]) -> list[Option]:
    """A horizon that ends where a thousandth of the gradient is left, or a shorter one for one that explodes."""
    horizon = _horizon(config)
    if not horizon:
        return []
    steps = half_life(layer.flow.rate)
    wanted = round(10 * steps) if kind == "vanishes" else horizon // 2
    if not 1 <= wanted < min(horizon, len(layer.flow.late)):
        return []
    reason = (
        f"horizon: beyond {wanted} steps less than a thousandth of the gradient is left"
        if kind == "vanishes"
        else "horizon: fewer factors to multiply"
    )
    chunk = (config.get("data") or {}).get("chunk_length")
    if (config.get("task") or {}).get("horizon") and wanted >= chunk:
        return [(reason, f"task.horizon={wanted}")]
    return [(reason, f"data.chunk_length={wanted}")]


def command(typed: Sequence[str], setting: str) -> str:
    """The command that made a run, with one setting changed.

    Args:
        typed: the words of the run; those that set the same key are left out, and of another cell those of `cell.`
            except its size.
        setting: `key=value`.
    """
    key = setting.partition("=")[0]
    kept = [word for word in typed if word.lstrip("+").partition("=")[0] != key]
    if key == "cell":
        kept = [
            word
            for word in kept
            if not word.lstrip("+").startswith("cell.") or word.lstrip("+").startswith("cell.hidden_size=")
        ]
    return " ".join(["python train.py", *(quote(word) for word in kept), setting])
