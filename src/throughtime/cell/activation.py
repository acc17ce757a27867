"""Activations φ by name: the functions that a configuration may choose."""

import types
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from throughtime.errors import UserError

Activation = Callable[[Tensor], Tensor]


def identity(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """φ(a) = a."""
    return values


ACTIVATIONS: dict[str, Activation] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": identity,
    "softplus": functional.softplus,
    "gelu": functional.gelu,
}

NAMESPACES = {"torch": torch, "torch.nn.functional": functional, "torch.special": torch.special}


def activation(name: str | None) -> Activation:
    """Look up an activation by name: one of `ACTIVATIONS`, or a dotted path such as `torch.nn.functional.silu`.

    A path is looked up in three modules of torch and nothing is imported for it. It must lead to a function of
    tensors that keeps their shape, so a configuration cannot reach `torch.load`, `torch.hub` or their like.

    Args:
        name: None means the identity.

    Raises:
        UserError: there is no such activation.
    """
    if name is None:
        return identity
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    namespace, _, attribute = name.rpartition(".")
    found = getattr(NAMESPACES.get(namespace), attribute, None)
    if attribute.endswith("_") or not (_works_on_tensors(found) and _keeps_shape(found)):
        raise UserError(
            f"activation={name} is not known; choose one of: {', '.join(sorted(ACTIVATIONS))}, "
            "or the path of an elementwise function such as torch.nn.functional.silu"
        )
    return found


def _works_on_tensors(found: object) -> bool:
    """Whether an object is one of torch's functions of tensors, and no tool for files, threads or code."""
    if isinstance(found, types.FunctionType):
        return found.__module__ == functional.__name__
    if not isinstance(found, types.BuiltinFunctionType):
        return False
    native = found.__module__ in ("torch._C._nn", "torch._C._special")
    return native or found.__qualname__.startswith("_VariableFunctionsClass.")


def _keeps_shape(function: Activation) -> bool:
    probe = torch.zeros(2, 3)
    try:
        result = function(probe)
    except (TypeError, ValueError, RuntimeError):
        return False
    return isinstance(result, Tensor) and result.shape == probe.shape and result.dtype == probe.dtype
