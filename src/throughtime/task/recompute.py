"""Which models can be run segment by segment, head and loss with them (`engine.recompute=true`)."""

import logging
from functools import cache

from torch import nn

from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.dropout import VariationalDropout

logger = logging.getLogger(__name__)


def in_segments(model: nn.Module) -> bool:
    """Whether a model is to be run in segments, and can be.

    Where it cannot, a log line says so once; its engine still keeps no more than it must of each layer.
    """
    if not any(getattr(getattr(m, "engine", None), "recompute", False) for m in model.modules()):
        return False
    for module in model.modules():
        if isinstance(module, Bidirectional):
            _say("a bidirectional layer needs a sequence to its end")
            return False
        if isinstance(module, VariationalDropout) and module.training and module.probability > 0:
            _say("its variational dropout has one mask for all steps (model.layers.variational=true)")
            return False
    return True


@cache
def _say(reason: str) -> None:
    logger.warning("engine.recompute=true runs the layers, but not the whole model, in segments: %s", reason)
