"""Point head: one forecast of each value, trained by the squared, the absolute or Huber's error."""

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_choice, check_fraction, check_positive
from throughtime.head.base import masked_mean
from throughtime.head.forecast import ForecastHead

ERRORS = ("mse", "mae", "huber")


class Point(ForecastHead):
    """ẑ = W y + c, trained by e² (mse), |e| (mae), or Huber's e²/2 up to δ and δ (|e| - δ/2) beyond (1964).

    It gives no intervals of its own; those come from the calibration on the validation part.

    Args:
        input_size: H.
        channels: C.
        error: one of `ERRORS`.
        delta: δ of Huber's, in relative units.
        dropout: the fraction of features that are dropped in training.
    """

    spread = False

    def __init__(
        self, input_size: int, channels: int, error: str = "mse", delta: float = 1.0, dropout: float = 0.0
    ) -> None:
        check_positive(input_size=input_size, channels=channels, delta=delta)
        check_choice(ERRORS, error=error)
        check_fraction(dropout=dropout)
        super().__init__()
        self.error = error
        self.delta = delta
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Linear(input_size, channels)

    def loss(
        self,
        outputs: Float[Tensor, "*T B H"],
        targets: Float[Tensor, "*T B C"],
        mask: Bool[Tensor, "*T B C"] | None = None,
        scale: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, ""]:
        forecast = self.map(self.dropout(outputs))
        if self.error == "mse":
            losses = functional.mse_loss(forecast, targets, reduction="none")
        elif self.error == "mae":
            losses = functional.l1_loss(forecast, targets, reduction="none")
        else:
            losses = functional.huber_loss(forecast, targets, reduction="none", delta=self.delta)
        return masked_mean(losses, mask)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T C"]:
        return self.map(self.dropout(outputs))

    def quantile(
        self,
        outputs: Float[Tensor, "*T H"],
        probability: Float[Tensor, "*Q C"],
        scale: Float[Tensor, "*B C"] | None = None,
    ) -> Float[Tensor, "*Q C"]:
        return self.predict(outputs) + 0 * probability
