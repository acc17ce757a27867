"""Linear input layer: one linear map of each step's features."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from throughtime.errors import check_fraction, check_positive


class Linear(nn.Module):
    """y = W x + b, with dropout.

    Args:
        input_size: the features of x.
        size: the features of y; None for the identity.
        dropout: the fraction of features that are dropped in training.
        frame_shape: (channels, height, width) of the features of x where they are an image; not used here.

    Attributes:
        output_size: the features of y.

    Raises:
        UserError: a size is not positive, or the dropout is no fraction.
    """

    def __init__(
        self,
        input_size: int,
        size: int | None = None,
        dropout: float = 0.0,
        frame_shape: Sequence[int] | None = None,
    ) -> None:
        check_positive(input_size=input_size, size=1 if size is None else size)
        check_fraction(dropout=dropout)
        super().__init__()
        self.map = nn.Identity() if size is None else nn.Linear(input_size, size)
        self.dropout = nn.Dropout(dropout)
        self.output_size = input_size if size is None else size

    def forward(self, inputs: Float[Tensor, "*T I"]) -> Float[Tensor, "*T O"]:
        return self.dropout(self.map(inputs))
