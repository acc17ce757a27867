import torch

from throughtime.engine.bptt.out_variants import OUT_VARIANTS, reversed_difference


def test_a_number_minus_a_tensor_is_written_where_it_is_told():
    right, out = torch.rand(3, 4).bfloat16(), torch.empty(3, 4).bfloat16()
    assert reversed_difference(right, 1, out=out) is out
    assert torch.equal(out, 1 - right)


def test_their_names_are_their_own():
    names = [function.__name__ for function in set(OUT_VARIANTS.values())]
    assert len(names) == len(set(names))
