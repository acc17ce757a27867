"""Sources by their names: what a checkpoint may name as the reader of its data, and nothing else."""

import importlib
from collections.abc import Mapping
from typing import Any

from throughtime.data.labelled.sequences import SequenceSource
from throughtime.errors import UserError

PACKAGES = {
    "AudioFiles": "throughtime.data.audio",
    "Digits": "throughtime.data.images",
    "ImageFiles": "throughtime.data.images",
    "LabelledText": "throughtime.data.text",
    "SymbolFiles": "throughtime.data.symbols",
    "LabelledSeries": "throughtime.data.series",
    "StrokeFiles": "throughtime.data.strokes",
    "MovingDigits": "throughtime.data.video",
    "VideoFiles": "throughtime.data.video",
}
"""The package of each source, by the name of its class."""


def source_state(source: SequenceSource) -> dict[str, Any]:
    """The name of a source and its arguments, in plain values."""
    return {"name": type(source).__name__, **source.state()}


def source_from_state(state: Mapping[str, Any]) -> SequenceSource:
    """The inverse of `source_state`.

    Raises:
        UserError: no source has this name, or it does not take these arguments.
    """
    arguments = dict(state)
    name = arguments.pop("name", None)
    if name not in PACKAGES:
        raise UserError(
            f"the checkpoint's data were read by {name}, which is not one of throughtime's sources; predict "
            "with the code that trained it"
        )
    source: type[SequenceSource] = getattr(importlib.import_module(PACKAGES[name]), name)
    try:
        return source.from_state(arguments)
    except TypeError as error:
        raise UserError(f"the checkpoint's data source {name} is damaged: {error}") from error
