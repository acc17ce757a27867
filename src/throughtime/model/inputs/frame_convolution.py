"""Input layer that subsamples in time: stacked frames, or a convolution over them."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import UserError, check_choice, check_fraction, check_positive

ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh}


class FrameConvolution(nn.Module):
    """One feature vector for every k frames, from these and the c frames before them:

        y_j = a(b + Σ_i W_i x_(jk - c + i)),   i = 0 … c + k - 1,   j = 0 … ⌈T / k⌉ - 1

    Without context, c = 0, that is a linear map of k stacked frames (Sak et al. 2015, arXiv 1507.06947). No frame after
    the last of the k is read, so that a sequence can be read in chunks of a multiple of k frames. Frames before the
    first and after the last are 0.

    Args:
        input_size: F, the features of a frame.
        size: of y.
        factor: k; 1 for no subsampling.
        context: c.
        activation: a: `none`, `relu` or `tanh`.
        dropout: the fraction of features of y that are dropped in training.
        frame_shape: (channels, height, width) of the features of x where they are an image; not used here.

    Attributes:
        output_size: the features of y.

    Raises:
        UserError: an argument is out of its range.
    """

    def __init__(
        self,
        input_size: int,
        size: int = 64,
        factor: int = 2,
        context: int = 0,
        activation: str = "none",
        dropout: float = 0.0,
        frame_shape: Sequence[int] | None = None,
    ) -> None:
        check_positive(input_size=input_size, **{"model.front.size": size, "model.front.factor": factor})
        check_choice(ACTIVATIONS, **{"model.front.activation": activation})
        check_fraction(**{"model.front.dropout": dropout})
        if context < 0:
            raise UserError(f"model.front.context={context} must be 0 or more frames")
        super().__init__()
        self.factor, self.context = factor, context
        self.convolution = nn.Conv1d(input_size, size, context + factor, stride=factor)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)
        self.output_size = size

    def initial_context(self, batch_size: int) -> Float[Tensor, "B c F"]:
        """The frames before the first: zeros."""
        weight = self.convolution.weight
        return weight.new_zeros(batch_size, self.context, weight.shape[1])

    def output_lengths(self, lengths: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """⌈n / k⌉ of n frames."""
        return (lengths + self.factor - 1) // self.factor

    def forward(
        self, inputs: Float[Tensor, "T B F"], context: Float[Tensor, "B c F"]
    ) -> tuple[Float[Tensor, "t B O"], Float[Tensor, "B c F"]]:
        """The features of every k frames, and the last c frames.

        Args:
            inputs: frames; of a chunk that another one follows, a multiple of k.
            context: the c frames before them.
        """
        frames = torch.cat((context, inputs.transpose(0, 1)), dim=1)
        after = frames[:, frames.shape[1] - self.context :]
        padded = functional.pad(frames.transpose(1, 2), (0, self.factor - 1))
        features = self.activation(self.convolution(padded)).permute(2, 0, 1)
        return self.dropout(features).contiguous(), after
