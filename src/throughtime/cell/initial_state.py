"""Initial states: zero, or parameters that are learned with the weights."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class InitialState(nn.Module):
    """One vector for each part of a cell's state, the same for every lane.

    It is zero, or a parameter that begins at zero and is learned (Forcada & Carrasco 1995, Neural Computation
    7:923). A zero state is no part of the `state_dict`.

    Args:
        learned: whether the vectors are parameters.
        sizes: the features of each part, by name.
    """

    def __init__(self, learned: bool, **sizes: int) -> None:
        super().__init__()
        self.parts = tuple(sizes)
        for part, size in sizes.items():
            if learned:
                self.register_parameter(part, nn.Parameter(torch.zeros(size)))
            else:
                self.register_buffer(part, torch.zeros(size), persistent=False)

    def forward(self, batch_size: int) -> tuple[Float[Tensor, "B _"], ...]:
        """The parts for B lanes, in the order in which they were given."""
        return tuple(getattr(self, part).expand(batch_size, -1).clone() for part in self.parts)
