"""A checkpoint names its source by a fixed list of names, and nothing else is made of what it says."""

import importlib

import pytest

from throughtime.data.labelled.sequences import SequenceSource
from throughtime.data.labelled.sources import PACKAGES, source_from_state, source_state
from throughtime.errors import UserError


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_is_a_public_source(name):
    assert issubclass(getattr(importlib.import_module(PACKAGES[name]), name), SequenceSource)


@pytest.mark.parametrize("name", ["os.system", "SequenceSource", "ToySource", None])
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match="not one of throughtime's sources"):
        source_from_state({"name": name})


def test_arguments_that_a_source_does_not_take_are_refused():
    with pytest.raises(UserError, match="Digits is damaged"):
        source_from_state({"name": "Digits", "shell": "ls"})


def test_a_source_is_made_again_from_its_state():
    source = source_from_state({"name": "Digits"})
    again = source_from_state(source_state(source))
    assert type(again) is type(source) and again.state() == source.state()
