"""Initialisations of weight matrices by name; a matrix of several gates is initialised gate by gate."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from throughtime.errors import check_choice

INITIALISATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    # W Wᵀ = 1 keeps the norm of a state (Saxe, McClelland & Ganguli 2014, arXiv 1312.6120).
    "orthogonal": lambda block, scale: nn.init.orthogonal_(block),
    "zeros": lambda block, scale: nn.init.zeros_(block),
    "identity": lambda block, scale: nn.init.eye_(block),
    # IRNN: with s = 1 a ReLU network copies its state (Le, Jaitly & Hinton 2015, arXiv 1504.00941).
    "scaled_identity": lambda block, scale: nn.init.eye_(block).mul_(scale),
    # U(±√(6 / (fan in + fan out))) keeps the variance of signals and gradients (Glorot & Bengio 2010).
    "glorot": lambda block, scale: nn.init.xavier_uniform_(block),
    # U(±1/√H), the default of torch.nn's recurrent layers.
    "uniform": lambda block, scale: nn.init.uniform_(
        block, -(block.shape[0] ** -0.5), block.shape[0] ** -0.5
    ),
}


@torch.no_grad()
def initialise(weight: Float[Tensor, "G N"], name: str, gates: int = 1, identity_scale: float = 1.0) -> None:
    """Fill `weight` in place, each of its gates' blocks `[G / gates, N]` by itself.

    Args:
        weight: the matrix, the gates stacked along its rows.
        name: one of `INITIALISATIONS`.
        gates: how many blocks it holds.
        identity_scale: the s of `scaled_identity`; ignored by the others.

    Raises:
        UserError: there is no such initialisation.
    """
    check_choice(INITIALISATIONS, initialisation=name)
    for block in weight.chunk(gates):
        INITIALISATIONS[name](block, identity_scale)
