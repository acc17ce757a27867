"""The n-bit flip-flop: each channel repeats its last pulse."""

import numpy as np

from throughtime.data.synthetic.rule import Examples, Rule
from throughtime.errors import check_fraction, check_positive


class FlipFlop(Rule):
    """Pulses of -1 and 1, and 0 between them, in each of n channels; the output of a channel is its last pulse.

    The first step has a pulse in every channel. Source: Sussillo & Barak (2013), Opening the black box, Neural
    Computation 25, 626-649. The length is T; every step counts.

    Args:
        channels: n.
        probability: of a pulse at a step of a channel.
    """

    def __init__(self, channels: int = 3, probability: float = 0.1) -> None:
        check_positive(**{"data.rule.channels": channels})
        check_fraction(**{"data.rule.probability": probability})
        self.channels, self.probability = channels, probability
        self.input_sizes = {"input_size": channels}
        self.output_sizes = {"channels": channels}

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        shape = (length, batch_size, self.channels)
        pulses = generator.random(shape) < self.probability
        pulses[0] = True
        inputs = np.where(pulses, generator.integers(0, 2, shape) * 2 - 1, 0).astype(np.float32)
        latest = np.maximum.accumulate(np.where(pulses, np.arange(length)[:, None, None], 0), axis=0)
        return Examples(inputs, np.take_along_axis(inputs, latest, axis=0))

    def memoryless_loss(self, length: int) -> float:
        """(1 - p) (T - 1) / T: without a pulse, both values are as likely, and the best answer is 0."""
        return (1 - self.probability) * (length - 1) / length
