"""Window model: recurrent layers that read a text through a soft window (Graves 2013, arXiv 1308.0850, section 5)."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.data.conditioned import Conditioned
from throughtime.engine.base import Engine
from throughtime.errors import UserError, check_positive
from throughtime.tree import Tree, length_mask, where_state


class WindowState(NamedTuple):
    """The state of a window model after a step.

    Attributes:
        first: of the first cell.
        places: κ, where each Gaussian of the window is in the text.
        window: w, the mixture of the V symbols and of the end of the text, the last one, that it shows.
        layers: of the layers above.
    """

    first: Tree
    places: Float[Tensor, "B K"]
    window: Float[Tensor, "B W"]
    layers: Tree

    def past_text(self) -> Bool[Tensor, " B"]:
        """Whether the window has passed the last symbol of each text: it shows the end more than any symbol.

        Graves 2013 (section 5.1) ends a text there: φ(t, U + 1) > φ(t, u) for all u ≤ U.
        """
        return self.window[:, -1] > self.window[:, :-1].amax(-1)


class WindowModel(nn.Module):
    """Features of points that follow a text, whose symbols are seen through a window that only moves forwards.

    With the text's one-hot vectors c_1 .. c_U, c_{U+1} for its end, and (α̂, β̂, κ̂) = W h¹_t + b of K numbers each
    (eq. 46 to 51):

        h¹_t = cell([x_t; w_{t-1}]),  α = exp α̂,  β = exp β̂,  κ_t = κ_{t-1} + exp κ̂,
        φ(t, u) = Σ_k α_k exp(-β_k (κ_k - u)²),  w_t = Σ_{u ≤ U+1} φ(t, u) c_u,
        h_t = layers([x_t; h¹_t; w_t]),  features [h¹_t; h_t].

    The end of the text is a symbol of its own, which Graves does not have: without it a window past the end shows
    nothing, as it does before the text, and the end of an ink is hard to learn.

    w_{t-1} is needed for h¹_t, so the first cell is run step by step; the layers above are run by the engine.

    Args:
        layers: makes the layers above from `cell`, `engine` and `input_size`.
        cell: makes a layer's cell, called as `cell(input_size=n)`.
        engine: runs the layers above.
        input_size: the features of x.
        symbols: V.
        classes: the number of classes that sequences are conditioned on; must be 0 here.
        windows: K.
        step: the mean advance of the window in one step before training, in symbols.

    Attributes:
        output_size: the features of a step.

    Raises:
        UserError: a size is not positive, or the data have no texts.
    """

    def __init__(
        self,
        layers: Callable[..., nn.Module],
        cell: Callable[..., Cell],
        engine: Engine,
        input_size: int,
        symbols: int = 0,
        classes: int = 0,
        windows: int = 10,
        step: float | int = 0.05,
    ) -> None:
        check_positive(input_size=input_size, windows=windows, step=step)
        super().__init__()
        if not symbols or classes:
            raise UserError(
                "model=window reads a text, and the data have none; set data.condition=text, or choose "
                "model=conditioned"
            )
        self.symbols = symbols
        self.windows = windows
        shown = symbols + 1  # the symbols and the end of the text
        self.first = cell(input_size=input_size + shown)
        self.map = nn.Linear(self.first.output_size, 3 * windows)
        self.layers = layers(cell=cell, engine=engine, input_size=input_size + self.first.output_size + shown)
        self.output_size = self.first.output_size + self.layers.output_size
        with torch.no_grad():
            self.map.bias[:windows] -= torch.tensor(float(windows)).log()
            self.map.bias[2 * windows :] += torch.tensor(float(step)).log()

    def initial_state(self, batch_size: int) -> WindowState:
        """The state before the first step: the window is before the text and shows nothing."""
        like = self.map.weight
        return WindowState(
            self.first.initial_state(batch_size),
            like.new_zeros(batch_size, self.windows),
            like.new_zeros(batch_size, self.symbols + 1),
            self.layers.initial_state(batch_size),
        )

    def forward(
        self,
        inputs: Conditioned,
        state: WindowState,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B H"], WindowState]:
        """The features of a chunk `[T, B, ...]` and the state after it.

        Args:
            inputs: points, each lane with its text.
            state: from `initial_state`, or from the chunk before.
            lengths: the true steps of each lane; its state stays from there on.
            resets: where true, the lane's state starts anew before that step.
        """
        text = self._one_hot(inputs)
        steps = inputs.features.shape[0]
        running = None if lengths is None else length_mask(lengths, steps)
        fresh = None if resets is None else self.initial_state(inputs.features.shape[1])[:3]
        carried, rows = state[:3], []
        for t, point in enumerate(inputs.features.unbind(0)):
            before = carried if resets is None else where_state(resets[t], fresh, carried)
            row, carried = self._advance(point, text, before)
            if running is not None:
                carried = where_state(running[t], carried, before)
            rows.append(row)
        below = torch.stack(rows)
        above, layers = self.layers(torch.cat((inputs.features, below), -1), state.layers, lengths, resets)
        features = torch.cat((below[..., : self.first.output_size], above), -1)
        if running is not None:
            features = features.masked_fill(~running[..., None], 0)
        return features, WindowState(*carried, layers)

    def step(self, inputs: Conditioned, state: WindowState) -> tuple[Float[Tensor, "B H"], WindowState]:
        """The features of one step `[B, ...]` and the state after it."""
        row, carried = self._advance(inputs.features, self._one_hot(inputs), state[:3])
        above, layers = self.layers.step(torch.cat((inputs.features, row), -1), state.layers)
        return torch.cat((row[..., : self.first.output_size], above), -1), WindowState(*carried, layers)

    def _advance(
        self, point: Float[Tensor, "B I"], text: Float[Tensor, "B U W"], state: tuple[Tree, Tensor, Tensor]
    ) -> tuple[Float[Tensor, "B O"], tuple[Tree, Tensor, Tensor]]:
        """One step of the first cell and of the window: [h¹; w], and the state after it."""
        first, places, window = state
        hidden, first = self.first.step(self.first.project(torch.cat((point, window), -1)), first)
        heights, widths, advance = self.map(hidden).exp().chunk(3, -1)
        places = places + advance
        spots = torch.arange(1, text.shape[1] + 1, device=text.device, dtype=places.dtype)
        away = (places[..., None] - spots).square()
        shares = (heights[..., None] * torch.exp(-widths[..., None] * away)).sum(1)
        window = torch.einsum("bu,buv->bv", shares, text)
        return torch.cat((hidden, window), -1), (first, places, window)

    def _one_hot(self, inputs: Conditioned) -> Float[Tensor, "B U W"]:
        """The symbols of each lane's text and its end as vectors; those of its padding are 0."""
        text = functional.pad(inputs.text, (0, 1))
        left = inputs.text_lengths[:, None] - torch.arange(text.shape[1], device=text.device)
        ids = text.where(left > 0, self.symbols)
        return functional.one_hot(ids, self.symbols + 1).to(self.map.weight.dtype) * (left >= 0)[..., None]
