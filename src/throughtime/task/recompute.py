"""Condition for recomputing a whole model with its head and loss in segments (`engine.recompute=true`)."""

import logging
from functools import cache

from torch import nn

from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.dropout import VariationalDropout

logger = logging.getLogger(__name__)


def in_segments(model: nn.Module) -> bool:
    """Whether a model is to be recomputed in segments, and can be.

    Where it cannot, a warning says so once; each layer by itself is still recomputed in segments.
    """
    if not any(getattr(getattr(m, "engine", None), "recompute", False) for m in model.modules()):
        return False
    for module in model.modules():
        if isinstance(module, Bidirectional):
            _warn_once("a bidirectional layer needs a sequence to its end")
            return False
        if isinstance(module, VariationalDropout) and module.training and module.probability > 0:
            _warn_once("its variational dropout has one mask for all steps (model.layers.variational=true)")
            return False
    return True


@cache
def _warn_once(reason: str) -> None:
    logger.warning("engine.recompute=true runs the layers, but not the whole model, in segments: %s", reason)
