"""Input layer of features that are conditioned on a class: a linear map, and a vector of the class."""

from jaxtyping import Float
from torch import Tensor, nn

from throughtime.data.conditioned import Conditioned
from throughtime.errors import UserError, check_fraction, check_positive


class ConditionedLinear(nn.Module):
    """x = W u + b + E[label], with dropout; without classes, x = W u + b.

    Args:
        input_size: the features of u.
        classes: the number of classes; 0 for none.
        symbols: the number of symbols of the texts that sequences are conditioned on; must be 0 here.
        size: the features of x.
        dropout: the fraction of features that are dropped in training.

    Attributes:
        output_size: the features of x.

    Raises:
        UserError: a size is not positive, the dropout is no fraction, or the data have texts.
    """

    def __init__(
        self, input_size: int, classes: int = 0, symbols: int = 0, size: int = 64, dropout: float | int = 0.0
    ) -> None:
        check_positive(input_size=input_size, size=size)
        check_fraction(dropout=dropout)
        super().__init__()
        if symbols:
            raise UserError(
                "data.condition=text: this model reads no text; choose model=window, or data.condition=label or none"
            )
        self.map = nn.Linear(input_size, size)
        self.labels = nn.Embedding(classes, size) if classes else None
        self.dropout = nn.Dropout(dropout)
        self.output_size = size

    def forward(self, inputs: Conditioned) -> Float[Tensor, "*T B H"]:
        features = self.map(inputs.features)
        if self.labels is not None:
            features = features + self.labels(inputs.label)
        return self.dropout(features)
