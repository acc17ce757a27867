import copy
import pickle

import pytest
import torch

from throughtime.cell.activation import ACTIVATIONS, activation
from throughtime.errors import UserError

PATHS = [
    "torch.sin",
    "torch.nn.functional.silu",
    "torch.nn.functional.hardswish",
    "torch.nn.functional.logsigmoid",
    "torch.special.expit",
]


@pytest.mark.parametrize("name", [*ACTIVATIONS, *PATHS])
def test_an_activation_acts_on_each_element_alone(name):
    values = torch.linspace(-2, 2, 6).view(2, 3)
    each = torch.stack([activation(name)(value) for value in values.flatten()])
    torch.testing.assert_close(activation(name)(values).flatten(), each)


@pytest.mark.parametrize("name", [*ACTIVATIONS, *PATHS])
def test_an_activation_can_be_copied_with_its_cell(name):
    assert copy.deepcopy(activation(name)) is activation(name)
    assert pickle.loads(pickle.dumps(activation(name))) is activation(name)


def test_none_is_the_identity():
    values = torch.randn(3)
    assert activation(None)(values) is values


@pytest.mark.parametrize(
    "name",
    [
        "tahn",
        "",
        ".",
        "__class__",
        "os.system",
        "torch.load",
        "torch.compile",
        "torch.manual_seed",
        "torch.set_num_threads",
        "torch.from_file",
        "torch.sum",
        "torch.relu_",
        "torch.Tensor",
        "torch.hub.load",
        "torch.utils.cpp_extension.load",
        "torch.nn.functional.torch",
        "torch.nn.functional.importlib",
        "torch.nn.functional.cross_entropy",
        "torch.nn.functional.Tensor",
        "torch.special.torch",
        "torch.__init__",
    ],
)
def test_a_path_reaches_nothing_but_functions_of_tensors(name):
    with pytest.raises(UserError, match="choose one of"):
        activation(name)
