"""Input layer by the kind of the data: an embedding of ids, or the numbers of each step."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from throughtime.errors import UserError
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.inputs.linear import Linear


class Features(nn.Module):
    """x = E[id] of ids (`Embedding`), or x = W u + b of numbers (`Linear`), with dropout.

    The sizes that the data give say which; the weights are those of the one or the other.

    Args:
        vocabulary_size: V, of ids.
        input_size: the numbers of a step.
        frame_shape: (channels, height, width) of the numbers of a step that is an image; not used here.
        tasks: the number of tasks of the data, which have input layers of their own where there are several.
        size: the features of an id's vector.
        linear_size: the features that the numbers of a step are mapped to; None hands them on as they are.
        dropout: the fraction of features that are dropped in training.
        scale: the standard deviation of the ids' vectors at first.

    Attributes:
        output_size: the features of x.
        weight: E; None for numbers.

    Raises:
        UserError: a size is not positive, the dropout is no fraction, or the data have several tasks.
    """

    def __init__(
        self,
        vocabulary_size: int | None = None,
        input_size: int | None = None,
        frame_shape: Sequence[int] | None = None,
        size: int = 64,
        linear_size: int | None = None,
        dropout: float = 0.0,
        scale: float = 1.0,
        tasks: int = 1,
    ) -> None:
        super().__init__()
        if tasks != 1:
            raise UserError(
                f"the data have {tasks} tasks, and this model is for one; choose model=multitask_uniform, "
                "multitask_coupled or multitask_shared"
            )
        if (vocabulary_size is None) == (input_size is None):
            raise UserError("an input layer needs the number of symbols, or the number of features of a step")
        if vocabulary_size is not None:
            self.layer: Embedding | Linear = Embedding(vocabulary_size, size, dropout, scale)
        else:
            self.layer = Linear(input_size, linear_size, dropout)
        self.output_size = self.layer.output_size

    @property
    def weight(self) -> Tensor | None:
        """The embedding's matrix; None for numbers."""
        return self.layer.weight if isinstance(self.layer, Embedding) else None

    def forward(self, inputs: Tensor) -> Float[Tensor, "*T I"]:
        return self.layer(inputs)
