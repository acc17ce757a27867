"""NADE head: the notes of a chord one after another, each given the features and all lower notes."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.errors import check_fraction, check_positive
from throughtime.head.notes import NoteHead, log_odds, log_probability, on_or_off


class NADE(NoteHead):
    """p(v | y) = Π_i p(v_i | v_1 .. v_{i-1}, y), the notes in the order of their pitch:

        h_i = σ(c(y) + Σ_{j<i} W_j v_j),   p(v_i = 1 | v_<i, y) = σ(b_i(y) + V_i · h_i)   (1 ≤ i ≤ N)
        b(y) = b + B y,   c(y) = c + C y.

    W and V are `[N, M]`, b is `[N]` and c `[M]`; the biases follow from the features of the recurrence. h_i changes
    only after a note that is on. With K notes on in a frame, the likelihood needs K + 1 hidden layers, and not N.

    Sources: Larochelle & Murray 2011, The Neural Autoregressive Distribution Estimator, AISTATS; Boulanger-Lewandowski,
    Bengio & Vincent 2012, Modeling Temporal Dependencies in High-Dimensional Sequences, ICML (RNN-NADE).

    Args:
        input_size: H, the features of one step.
        notes: N.
        frequencies: the share of training frames in which each note sounds, at whose log-odds b begins; None for 0.
        hidden_size: M, the units of the estimator's hidden layer.
        dropout: the fraction of features that are dropped in training.
        hidden_dropout: the fraction of the units h_i that are dropped in training.

    Raises:
        UserError: a size is not positive, or a dropout is no fraction.
    """

    def __init__(
        self,
        input_size: int,
        notes: int,
        frequencies: list[float] | None = None,
        hidden_size: int = 128,
        dropout: float = 0.0,
        hidden_dropout: float = 0.0,
    ) -> None:
        check_positive(input_size=input_size, notes=notes, hidden_size=hidden_size)
        check_fraction(dropout=dropout, hidden_dropout=hidden_dropout)
        super().__init__()
        self.notes = notes
        self.dropout = nn.Dropout(dropout)
        self.hidden_dropout = nn.Dropout(hidden_dropout)
        self.note_bias = nn.Linear(input_size, notes)
        self.hidden_bias = nn.Linear(input_size, hidden_size)
        self.read = nn.Parameter(nn.init.xavier_uniform_(torch.empty(notes, hidden_size)))
        self.write = nn.Parameter(nn.init.xavier_uniform_(torch.empty(notes, hidden_size)))
        with torch.no_grad():
            self.note_bias.bias.copy_(log_odds(frequencies, notes))

    def log_likelihood(
        self, outputs: Float[Tensor, "*T H"], targets: Float[Tensor, "*T N"]
    ) -> Float[Tensor, "*T"]:
        frames, shape = targets.flatten(0, -2), targets.shape[:-1]
        note_bias, hidden_bias = self._biases(outputs.flatten(0, -2))
        frames = frames.to(note_bias.dtype)
        on = frames > 0
        counts = on.sum(-1)
        most = int(counts.max()) if len(counts) else 0
        # The notes of each frame that are on, from the lowest; the places after the last of them add nothing.
        notes = torch.argsort(~on, dim=-1, stable=True)[:, :most]
        there = torch.arange(most, device=on.device) < counts[:, None]
        added = functional.embedding(notes, self.read) * there[..., None]
        activations = torch.cat((hidden_bias[:, None], hidden_bias[:, None] + added.cumsum(1)), 1)
        hidden = self.hidden_dropout(torch.sigmoid(activations))
        logits = hidden @ self.write.T  # [.., K + 1, N]
        before = on.cumsum(-1) - on.long()  # notes that are on below each note
        own = logits.gather(1, before[:, None]).squeeze(1) + note_bias
        losses = functional.binary_cross_entropy_with_logits(own, frames, reduction="none")
        return -losses.sum(-1).view(shape)

    def predict(self, outputs: Float[Tensor, "*T H"]) -> Float[Tensor, "*T N"]:
        """The log-probability that each note is on, given the lower notes that are more likely on than off."""
        return log_probability(self._chain(outputs, 0.0, None)[0])

    def draw(
        self,
        outputs: Float[Tensor, "*T H"],
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "*T N"]:
        return self._chain(outputs, temperature, generator)[1]

    def _chain(
        self, outputs: Float[Tensor, "*T H"], temperature: float, generator: torch.Generator | None
    ) -> tuple[Float[Tensor, "*T N"], Float[Tensor, "*T N"]]:
        """The log-odds of every note given the lower ones, and the notes, chosen from the lowest upwards."""
        note_bias, activations = self._biases(outputs)
        logits, chosen = [], []
        for note in range(len(self.read)):
            hidden = self.hidden_dropout(torch.sigmoid(activations))
            logits.append(note_bias[..., note] + hidden @ self.write[note])
            chosen.append(on_or_off(logits[-1], temperature, generator))
            activations = activations + chosen[-1][..., None] * self.read[note]
        return torch.stack(logits, -1), torch.stack(chosen, -1)

    def _biases(self, outputs: Float[Tensor, "*T H"]) -> tuple[Float[Tensor, "*T N"], Float[Tensor, "*T M"]]:
        features = self.dropout(outputs)
        return self.note_bias(features), self.hidden_bias(features)
