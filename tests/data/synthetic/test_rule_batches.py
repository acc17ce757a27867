"""Batches of a rule: resumed exactly, of lengths in their range, and the same in every evaluation."""

from collections.abc import Sequence

import torch

from throughtime.data.batch import Batch
from throughtime.data.synthetic.context_free import ReverseString
from throughtime.data.synthetic.regular import ModularArithmetic, ParityCheck
from throughtime.data.synthetic.rule_batches import MeasuredBatches, RuleBatches


def new(seed: int = 1) -> RuleBatches:
    return RuleBatches(ParityCheck(), 1, 12, batch_size=3, batches=20, seed=seed)


def same(first: Sequence[Batch], second: Sequence[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a.inputs, b.inputs) and torch.equal(a.targets, b.targets)
        for a, b in zip(first, second, strict=True)
    )


def test_a_resumed_stream_goes_on_exactly_over_epochs() -> None:
    whole, first = new(), new()
    expected = [*whole, *whole]
    iterator = iter(first)
    begun = [next(iterator) for _ in range(7)]
    resumed = new()
    resumed.load_state_dict(first.state_dict())
    assert same([*begun, *resumed, *resumed], expected)


def test_the_same_seed_gives_the_same_batches_and_epochs_differ() -> None:
    loader = new()
    first, second = list(loader), list(loader)
    assert same(first, list(new())) and not same(first, second) and not same(first, list(new(2)))


def test_lengths_are_drawn_uniformly_from_the_range() -> None:
    loader = RuleBatches(ParityCheck(), 3, 6, batch_size=1, batches=2000, seed=1)
    lengths = torch.tensor([len(batch.inputs) - 1 for batch in loader])
    shares = torch.bincount(lengths)[3:] / len(lengths)
    assert lengths.min() == 3 and lengths.max() == 6
    torch.testing.assert_close(shares, torch.full((4,), 0.25), atol=0.04, rtol=0)


def test_a_curriculum_grows_linearly_to_the_whole_range_and_is_resumed() -> None:
    def loader() -> RuleBatches:
        return RuleBatches(ParityCheck(), 3, 12, batch_size=1, batches=50, seed=1, curriculum=90)

    whole = list(loader())
    lengths = torch.tensor([len(batch.inputs) - 1 for batch in whole])
    greatest = 3 + 9 * torch.arange(50) // 90
    assert lengths.min() == 3 and (lengths <= greatest).all() and (lengths == greatest).any()
    first, second = loader(), loader()
    list(first)
    iterator = iter(first)
    begun = [next(iterator) for _ in range(3)]
    assert max(len(batch.inputs) - 1 for batch in begun) > 3  # the second epoch does not begin anew
    second.load_state_dict(first.state_dict())
    rest = list(second)
    assert same(list(iterator), rest) and max(len(batch.inputs) - 1 for batch in rest) == 12


def test_a_geometric_curriculum_grows_by_one_factor() -> None:
    loader = RuleBatches(ParityCheck(), 2, 32, 1, batches=41, seed=1, curriculum=40, growth="geometric")
    assert [loader._longest(number) for number in (0, 10, 20, 30, 40)] == [2, 4, 8, 16, 32]


def test_prefixes_are_targets_in_training_alone() -> None:
    (batch,) = RuleBatches(ModularArithmetic(), 7, 7, 2, batches=1, seed=1, every_prefix=True)
    assert batch.target_mask()[:, 0].tolist() == [True, False, True, False, True, False, True, True]
    (measured,) = MeasuredBatches(ModularArithmetic(), [7], 2, split=1)
    assert measured.target_mask()[:, 0].tolist() == [False] * 7 + [True]
    (reversed_, *_), (same_, *_) = (
        RuleBatches(ReverseString(), 7, 7, 2, batches=1, seed=1, every_prefix=prefixes)
        for prefixes in (True, False)
    )
    assert same([reversed_], [same_])  # a rule without such answers


def test_evaluation_is_the_same_each_time_and_differs_between_splits() -> None:
    loader = MeasuredBatches(ModularArithmetic(), [41, 43], batch_size=4, split=1)
    assert same(list(loader), list(loader)) and len(loader) == 2
    assert [len(batch.inputs) for batch in loader] == [42, 44]
    assert not same(list(loader), list(MeasuredBatches(ModularArithmetic(), [41, 43], 4, split=2)))
