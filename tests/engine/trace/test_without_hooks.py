import torch

from throughtime.engine.trace.without_hooks import without_hooks


def keep(value: float) -> None:
    torch.tensor(value, requires_grad=True).exp()


def test_onlookers_see_nothing_of_it_and_all_of_what_follows():
    outer, inner = [], []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: outer.append(t) or t, lambda t: t):
        with torch.autograd.graph.saved_tensors_hooks(lambda t: inner.append(t) or t, lambda t: t):
            with without_hooks():
                keep(1.0)
                torch.func.grad(torch.exp)(torch.tensor(1.0))
            assert (len(outer), len(inner)) == (0, 0)
            keep(1.0)
        keep(1.0)
    assert (len(outer), len(inner)) == (1, 1)


def test_there_are_gradients_whatever_is_around_it():
    with torch.inference_mode(), without_hooks():
        assert torch.ones(2, requires_grad=True).exp().requires_grad
    with torch.no_grad(), without_hooks():
        assert torch.is_grad_enabled()
