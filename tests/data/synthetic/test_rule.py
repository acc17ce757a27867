"""Every rule: draws are a function of the seed, shapes and symbols are as announced, and T grows with the length."""

import numpy as np
import pytest

from throughtime.data import synthetic
from throughtime.data.synthetic.associative_recall import AssociativeRecall
from throughtime.data.synthetic.group_words import GroupWords
from throughtime.data.synthetic.regular import ModularArithmetic
from throughtime.data.synthetic.rule import Rule

RULES = [
    found
    for name in synthetic.__all__
    if isinstance(found := getattr(synthetic, name), type)
    and issubclass(found, Rule)
    and not found.__abstractmethods__
]

KNOWN = [
    one
    for one in RULES
    if not one().has_numbers and one is not GroupWords and one().memoryless_loss(24) is not None
]
"""Rules of ids whose loss without memory is known, without that whose input of a step tells of its target."""


def test_all_rules_are_here() -> None:
    assert len(RULES) == 15 + 7 and len(KNOWN) == 10  # the fifteen of Delétang et al., and seven others


@pytest.mark.parametrize("rule", RULES)
def test_draws_follow_from_the_seed_alone(rule: type[Rule]) -> None:
    one = rule()
    length = one.nearest_length(30)
    first, again, other = (one.draw(np.random.default_rng(seed), 3, length) for seed in (1, 1, 2))
    assert np.array_equal(first.inputs, again.inputs) and np.array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)


@pytest.mark.parametrize("rule", RULES)
def test_shapes_and_symbols_are_those_that_the_rule_announces(rule: type[Rule]) -> None:
    one = rule()
    steps = []
    for given in range(1, 40):
        length = one.nearest_length(given)
        assert length <= max(given, one.least)
        inputs, targets, mask = one.draw(np.random.default_rng(given), 5, length)
        assert inputs.shape[:2] == targets.shape[:2] and inputs.shape[1] == 5
        assert mask is None or (mask.shape == targets.shape and mask.any(0).all())
        if "input_size" in one.input_sizes:
            assert inputs.shape[2] == one.input_sizes["input_size"]
        else:
            assert inputs.min() >= 0 and inputs.max() < one.input_sizes["vocabulary_size"]
        if one.has_numbers:
            assert targets.shape[2] == one.output_sizes["channels"]
        else:
            assert targets.min() >= 0 and targets.max() < one.output_sizes["vocabulary_size"]
        steps.append((length, len(inputs)))
    distinct = sorted(set(steps))
    assert len({length for length, _ in distinct}) == len({step for _, step in distinct}) == len(distinct)
    assert [step for _, step in distinct] == sorted(step for _, step in distinct)


def test_the_nearest_length_is_one_of_the_rule() -> None:
    assert [ModularArithmetic().nearest_length(length) for length in (1, 2, 40, 41, 42)] == [1, 1, 39, 41, 41]
    assert AssociativeRecall(pairs=4).nearest_length(1) == 12


@pytest.mark.parametrize("rule", KNOWN)
def test_the_loss_without_memory_is_the_entropy_of_the_targets_at_each_step(rule: type[Rule]) -> None:
    one = rule()
    length = one.nearest_length(24)
    expected = one.memoryless_loss(length)
    _, targets, mask = one.draw(np.random.default_rng(0), 2000, length)
    mask = np.ones_like(targets, dtype=bool) if mask is None else mask
    total = 0.0
    for step, counted in zip(targets, mask, strict=True):
        counts = np.bincount(step[counted])
        total -= (counts[counts > 0] * np.log(counts[counts > 0] / counts.sum())).sum()
    assert total / mask.sum() == pytest.approx(expected, rel=0.02)
