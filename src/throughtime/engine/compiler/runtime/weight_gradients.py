"""The weights' gradients after the loop: one product over all steps for each product of a step."""

from torch import Tensor

from throughtime.engine.compiler.runtime.gemm import outer_products
from throughtime.engine.compiler.runtime.kernel import Compiled
from throughtime.engine.compiler.schedule.arrays import Place


def weight_gradients(
    kernel: Compiled, found: dict[str, Tensor], weights: list[Tensor], needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """One product over all steps for each product of the step; sums over all steps for the rest."""
    gradients: list[Tensor | None] = []
    for index, weight in enumerate(weights):
        pairs, array = kernel.passes.factors[index], kernel.passes.sums[index]
        gradient = None
        for left, right in pairs if needed[index] else ():
            product = _outer(_rows(found, left), _rows(found, right), weight, kernel.halves)
            gradient = product if gradient is None else gradient.add_(product)
        if needed[index] and array is not None:
            gradient = found[array.name].sum(0).view(weight.shape)
        gradients.append(gradient)
    return gradients


def _outer(left: Tensor, right: Tensor, weight: Tensor, halves: bool) -> Tensor:
    """leftᵀ right in the order of memory of the weight, so that nothing has to be turned later."""
    if weight.stride(0) < weight.stride(1):
        return outer_products(right, left, halves=halves)[0].t()
    return outer_products(left, right, halves=halves)[0]


def _rows(found: dict[str, Tensor], place: Place) -> Tensor:
    """An array of all steps as a matrix of T·B rows; of a state, those before each step."""
    array = found[place.array.name]
    return (array[:-1] if place.array.rows == "before" else array).flatten(0, 1)
