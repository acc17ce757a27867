"""The cells and engines of the contract: those of conf/, variants of these, and a cell of a user's own."""

import importlib
import os
import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import yaml
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.cell.coupled_lstm import CoupledLSTM
from throughtime.cell.shared_reader_lstm import SharedReaderLSTM
from throughtime.engine.base import Engine

CONFIGURATION = Path(__file__).resolve().parents[2] / "conf"
INPUT, HIDDEN = 3, 5


class LeakyState(NamedTuple):
    fast: Tensor
    slow: Tensor


class Leaky(Cell):
    """A cell of a user's own: the three methods and nothing else."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inner = nn.Linear(input_size, hidden_size)
        self.outer = nn.Linear(hidden_size, hidden_size)

    def initial_state(self, batch_size):
        zero = self.inner.bias.new_zeros(batch_size, self.hidden_size)
        return LeakyState(zero, zero + 0.5)

    def project(self, inputs):
        return self.inner(inputs)

    def step(self, projected, state):
        fast = torch.tanh(projected + self.outer(state.fast) - state.slow)
        return fast, LeakyState(fast, 0.9 * state.slow + 0.1 * fast)


@cache
def options(group: str, name: str) -> dict:
    return yaml.safe_load((CONFIGURATION / group / f"{name}.yaml").read_text(encoding="utf-8"))


def build(group: str, name: str, **arguments):
    """What a YAML of conf/ describes, with some arguments of our own."""
    return made({**options(group, name), **arguments, "_partial_": False})


def made(config):
    """As throughtime.config.instantiate does it, which takes Lightning seconds to load."""
    if not isinstance(config, dict):
        return config
    given = {key: made(value) for key, value in config.items() if key not in ("_target_", "_partial_")}
    module, _, attribute = config["_target_"].rpartition(".")
    call = partial(getattr(importlib.import_module(module), attribute), **given)
    return call if config.get("_partial_") else call()


def names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGURATION / group).glob("*.yaml"))


VARIANTS = {
    "elman learned": {"learned_state": True},
    "elman readout left out": {"output_activation": None},
    "elman relu": {"activation": "relu", "output_activation": "identity"},
    "elman softplus": {"activation": "softplus"},
    "lstm learned": {"learned_state": True},
    "lstm peepholes": {"peepholes": True},
    "lstm projection": {"projection_size": 2, "learned_state": True},
    "lstm projection peepholes": {"projection_size": 2, "peepholes": True},
    "gru learned": {"learned_state": True},
    "gru reset before": {"reset": "before"},
    "antisymmetric gated": {"gated": True},
    "lru learned": {"learned_state": True},
    "ligru plain": {"normalised": False},
    "augmented_lstm learned": {"learned_state": True, "projection_size": 2},
    "augmented_lstm window": {"window": 1},
    "slstm": {"hidden_size": 8},  # a multiple of its heads
    "slstm one head": {"heads": 1, "learned_state": True},
    "slstm exponential": {"heads": 5, "forget_gate": "exponential"},
    "unitary complex": {"complex_valued": True, "hidden_size": 2, "learned_state": True},
    "mingru symmetric": {"eigenvalue_range": "symmetric"},
    "minlstm symmetric": {"eigenvalue_range": "symmetric"},
    "conv_lstm images": {"height": 1, "width": 3, "hidden_size": 6, "peepholes": True, "learned_state": True},
    "lru positive": {"eigenvalue_range": "positive"},
    "lru symmetric": {"eigenvalue_range": "symmetric"},
}
MADE_BY_LAYERS = {
    "coupled lstm": partial(CoupledLSTM, INPUT, HIDDEN),
    "shared reader lstm": partial(SharedReaderLSTM, INPUT, HIDDEN, shared_size=1),
}
"""Cells that no YAML of conf/cell describes, as a layer makes them."""

CELLS = {name: {} for name in names("cell")} | VARIANTS | {name: {} for name in MADE_BY_LAYERS}

# In training it draws masks, so that two runs differ; tests/cell/test_zoneout.py has every engine draw the same.
RANDOM = {"zoneout"}


def _make_cell(case: str, dtype: torch.dtype = torch.float32) -> Cell:
    """A cell with no parameter left at a special value."""
    torch.manual_seed(1)
    if case == "a user's own":
        cell = Leaky(INPUT, HIDDEN)
    elif case in MADE_BY_LAYERS:
        cell = MADE_BY_LAYERS[case]()
    else:
        sizes = {"input_size": INPUT, "hidden_size": HIDDEN}
        cell = build("cell", case.split()[0], **sizes | CELLS[case])
    for parameter in cell.parameters():
        nn.init.uniform_(parameter, -0.7, 0.7)
    return cell.to(dtype).train(case not in RANDOM)


def unsupported_reason(case: str, engine: str) -> str | None:
    return build("engine", engine).unsupported_reason(_make_cell(case), torch.zeros(1, 1, INPUT), None, None)


# engine=auto is one of the others, which are tested themselves; what it takes when is in test_auto.py.
AUTO = {"elman", "lstm", "gru reset before", "mingru", "a user's own"}
PAIRS = [
    (case, engine)
    for case in [*CELLS, "a user's own"]
    for engine in names("engine")
    if engine != "auto" or case in AUTO
]
# To ask engine=fused is to compile, which collection has no time for: it runs all cells without convolutions, or none.
RUNS_ALL = {"reference", "bptt", "auto", *(("fused",) if shutil.which(os.environ.get("CC", "cc")) else ())}
CONVOLUTIONS = {"conv_lstm", "conv_lstm images"}
REFUSED = [
    pair
    for pair in PAIRS
    if (pair[1] not in RUNS_ALL or pair[0] in CONVOLUTIONS) and unsupported_reason(*pair) is not None
]
ACCEPTED = [pair for pair in PAIRS if pair not in REFUSED]


def _param(pair: tuple[str, str]):
    """A pair; that of a cell which a layer makes is a longer proof beside the cell's own test."""
    return pytest.param(pair, marks=[pytest.mark.slow] if pair[0] in MADE_BY_LAYERS else [])


@pytest.fixture(params=map(_param, ACCEPTED), ids=" × ".join)
def pair(request) -> tuple[str, str]:
    return request.param


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one pair together, so that one worker compiles its kernels and others do not.

    Finite differences of the plain loop are enough by default: another test holds all gradients to the loop's.
    """
    for item in items:
        finite_differences = getattr(item, "originalname", None) == "test_gradients_are_finite_differences"
        if finite_differences and item.callspec.params["pair"][1] != "reference":
            item.add_marker("slow")
    known = {pair: number for number, pair in enumerate(PAIRS)}
    numbers = [
        known.get(getattr(item, "callspec", None) and item.callspec.params.get("pair")) for item in items
    ]
    places = [place for place, number in enumerate(numbers) if number is not None]
    ordered = [items[place] for place in sorted(places, key=lambda place: numbers[place])]
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


@pytest.fixture
def make_cell(pair) -> Callable[..., Cell]:
    """Makes the cell under test, as often as asked and always the same."""
    return partial(_make_cell, pair[0])


@pytest.fixture
def cell(make_cell) -> Cell:
    return make_cell()


@pytest.fixture
def engine(pair) -> Engine:
    return build("engine", pair[1])


@pytest.fixture(params=REFUSED, ids=" × ".join)
def refused(request) -> tuple[Engine, Cell]:
    case, engine = request.param
    return build("engine", engine), _make_cell(case)


@pytest.fixture
def make() -> Callable[..., Cell]:
    """Makes a cell by its name among `CELLS`."""
    return _make_cell


@pytest.fixture
def engine_of() -> Callable[..., Engine]:
    """Makes an engine by its name and arguments."""
    return partial(build, "engine")
