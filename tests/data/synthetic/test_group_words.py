"""Words over a group: its table is that of a group, and products are right at every step."""

import numpy as np
import pytest

from throughtime.data.synthetic.group_words import GroupWords
from throughtime.errors import UserError


@pytest.mark.parametrize(("group", "order"), [("S3", 6), ("A5", 60), ("S5", 120)])
def test_the_table_is_that_of_a_group(group: str, order: int) -> None:
    products = GroupWords(group).products
    assert products.shape == (order, order)
    assert (np.sort(products, axis=0) == np.arange(order)[:, None]).all()  # every element has an inverse
    assert np.array_equal(products[0], np.arange(order))  # the first is the identity
    a, b, c = np.random.default_rng(0).integers(0, order, (3, 500))
    assert np.array_equal(products[products[a, b], c], products[a, products[b, c]])
    assert not np.array_equal(products, products.T)


def test_only_a5_and_s5_are_not_solvable() -> None:
    """The series of commutator subgroups ends at the identity of S3, and at A5 of the others."""
    for group, last in (("S3", 1), ("A5", 60), ("S5", 60)):
        products = GroupWords(group).products
        inverses = products.argmin(1)
        found = set(range(len(products)))
        while True:
            smaller = {
                products[products[a, b], products[inverses[a], inverses[b]]] for a in found for b in found
            }
            while len(more := smaller | {products[a, b] for a in smaller for b in smaller}) > len(smaller):
                smaller = more
            if len(smaller) == len(found):
                break
            found = smaller
        assert len(found) == last


def test_every_target_is_the_product_of_the_elements_so_far() -> None:
    rule = GroupWords("S3")
    words, targets, _ = rule.draw(np.random.default_rng(0), 4, 9)
    state = np.zeros(4, dtype=int)
    for word, target in zip(words, targets, strict=True):
        state = rule.products[word, state]
        assert np.array_equal(state, target)


def test_an_unknown_group_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"data\.rule\.group=Z2 .* A5, S3, S5"):
        GroupWords("Z2")


def test_without_memory_only_the_first_product_is_known() -> None:
    rule = GroupWords("S3")
    words, targets, _ = rule.draw(np.random.default_rng(0), 6000, 3)
    losses = []
    for word, target in zip(words, targets, strict=True):
        counts = np.zeros((6, 6))
        np.add.at(counts, (word, target), 1)
        shares = counts / counts.sum(1, keepdims=True)
        logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
        losses.append(-(counts * logs).sum() / 6000)
    assert np.mean(losses) == pytest.approx(rule.memoryless_loss(3), rel=0.02)
