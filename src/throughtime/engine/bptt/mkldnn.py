"""Matrix products by oneDNN (torch.backends.mkldnn) wherever it is faster than BLAS.

oneDNN takes a weight that was reordered once; on processors with wide vectors that is worth a factor of two over
BLAS, which packs it at every call.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.engine.buffer_pool import buffer_pool
from throughtime.engine.linear_override import LinearProducts

SMALLEST = 1 << 20  # multiplications; below that a call of oneDNN costs more than it saves

MatMul = Callable[[Tensor, Tensor], Tensor]
"""(left [B, N], out [B, M]) -> out = left W"""
AddMatMul = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(x [B, M], left [B, N], out [B, M]) -> out = x + left W"""


def _available() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _is_faster(multiplications: int, *tensors: Tensor) -> bool:
    """Whether oneDNN can compute a product of these tensors and is worth the call."""
    return (
        multiplications >= SMALLEST
        and all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
        and _available()
    )


def _linear(left: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """left weightᵀ + bias"""
    return torch.ops.mkldnn._linear_pointwise(left, weight, bias, "none", [], "")


def prepacked_matmul(weight: Float[Tensor, "N M"], lanes: int) -> tuple[MatMul, AddMatMul]:
    """The product with a fixed weight, alone and added to a tensor, for left factors of so many rows."""
    if not _is_faster(lanes * weight.numel(), weight):
        return (
            lambda left, out: torch.mm(left, weight, out=out),
            lambda x, left, out: torch.addmm(x, left, weight, out=out),
        )
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.t().contiguous(), lanes)
    return (
        lambda left, out: out.copy_(_linear(left, packed)),
        lambda x, left, out: torch.add(x, _linear(left, packed), out=out),
    )


def transposed_matmul(left: Float[Tensor, "R N"], right: Float[Tensor, "R M"]) -> Float[Tensor, "N M"]:
    """leftᵀ right, the sum over all rows of their outer products."""
    if _is_faster(left.numel() * right.shape[1] // 4, left, right):
        return _linear(_transposed(left), _transposed(right))
    return left.t() @ right


def _transposed(matrix: Float[Tensor, "N M"]) -> Float[Tensor, "M N"]:
    """A contiguous copy of the transpose."""
    return buffer_pool.empty(*matrix.shape[::-1], dtype=matrix.dtype).copy_(matrix.t())


class OneDNNProducts(LinearProducts):
    """The products of a linear layer by oneDNN."""

    dtypes = frozenset({torch.float32})

    def __init__(self) -> None:
        self.smallest = SMALLEST

    def available(self) -> bool:
        return _available()

    def forward(
        self, rows: Float[Tensor, "R I"], weight: Float[Tensor, "G I"], bias: Float[Tensor, " G"] | None
    ) -> Float[Tensor, "R G"]:
        return _linear(rows, weight.contiguous(), bias)

    def input_gradient(
        self, grad_out: Float[Tensor, "R G"], weight: Float[Tensor, "G I"]
    ) -> Float[Tensor, "R I"]:
        return _linear(grad_out, weight.t().contiguous())

    def weight_gradient(
        self, grad_out: Float[Tensor, "R G"], rows: Float[Tensor, "R I"], bias: bool
    ) -> tuple[Float[Tensor, "G I"], Float[Tensor, " G"] | None]:
        return transposed_matmul(grad_out, rows), grad_out.sum(0) if bias else None
