import torch

from throughtime.engine.compiler.ir.elementwise import ELEMENTWISE
from throughtime.engine.compiler.ir.operators import RULES, decompositions


def test_operators_with_a_rule_are_not_decomposed():
    table = decompositions()
    assert not set(RULES) & set(table)
    assert set(ELEMENTWISE) <= set(RULES)


def test_decomposed_layer_norm_and_mean_have_the_values_of_torch():
    table = decompositions()
    x, gain, shift = torch.randn(4, 6), torch.randn(6), torch.randn(6)
    normal, _, _ = table[torch.ops.aten.native_layer_norm.default](x, [6], gain, shift, 1e-5)
    torch.testing.assert_close(normal, torch.nn.functional.layer_norm(x, (6,), gain, shift))
    torch.testing.assert_close(table[torch.ops.aten.mean.dim](x, [1], True), x.mean(1, keepdim=True))
