"""Pooling by the last step."""

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.model.pooling.base import Pooling
from throughtime.tree import Tree


class Last(Pooling):
    """pooled_t = y_t; of bidirectional layers [→h_t ; ←h_1], as each recurrence has read all when it comes to its end.

    Args:
        input_size, backward_size: as in `Pooling`.
    """

    def initial_state(self, batch_size: int) -> Tree:
        """Empty: the layers' own state is all."""
        return ()

    def prefixes(self, features: Float[Tensor, "T B H"], state: Tree) -> tuple[Float[Tensor, "T B H"], Tree]:
        if not self.backward_size:
            return features, ()
        forward = self.input_size - self.backward_size
        first = features[:1, :, forward:].expand(features.shape[0], -1, -1)
        return torch.cat((features[..., :forward], first), -1), ()
