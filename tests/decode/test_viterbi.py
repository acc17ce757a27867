"""The best sequence is the best of all of them."""

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.tagged.entity_schemes import allowed, convert
from throughtime.decode.viterbi import constrained, viterbi


def example(seed, steps=5, lanes=4, tags=3):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((steps, lanes, tags), (tags, tags), (tags,), (tags,))
    lengths = torch.randint(steps + 1, (lanes,), generator=generator)
    lengths[0] = steps
    return [torch.randn(shape, generator=generator) for shape in shapes], lengths


def best_of_all(emissions, transitions, first, last):
    def score(tags):
        steps = sum(float(emissions[step, tag]) for step, tag in enumerate(tags))
        pairs = sum(float(transitions[pair]) for pair in itertools.pairwise(tags))
        return steps + pairs + float(first[tags[0]]) + float(last[tags[-1]])

    return max(itertools.product(range(len(first)), repeat=len(emissions)), key=score)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_no_sequence_is_better(seed):
    (emissions, transitions, first, last), lengths = example(seed)
    mask = torch.arange(len(emissions))[:, None] < lengths
    found = viterbi(emissions, transitions, first, last, mask)
    for lane, length in enumerate(lengths.tolist()):
        assert not found[length:, lane].any()
        if length:
            best = best_of_all(emissions[:length, lane], transitions, first, last)
            assert tuple(found[:length, lane].tolist()) == best


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_constrained_answers_are_whole_entities(seed):
    tags = ["B-X", "I-X", "B-Y", "I-Y", "O"]
    (emissions, transitions, first, last), lengths = example(seed, steps=8, tags=len(tags))
    may_begin, may_follow = (torch.from_numpy(np.asarray(part)) for part in allowed(tags))
    transitions, first = constrained(transitions, first, may_follow, may_begin)
    mask = torch.arange(len(emissions))[:, None] < lengths
    found = viterbi(emissions, transitions, first, last, mask)
    for lane, length in enumerate(lengths.tolist()):
        answer = tuple(tags[tag] for tag in found[:length, lane].tolist())
        assert convert(answer, "BIO") == answer
