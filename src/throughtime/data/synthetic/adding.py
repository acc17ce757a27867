"""The adding problem: the sum of two marked numbers in a long sequence."""

import numpy as np

from throughtime.data.synthetic.rule import Examples, Rule


class Adding(Rule):
    """y_T = u_i + u_j of T steps (u_t, m_t): u uniform in [0, 1], m is 1 at i in the first half and j in the second.

    Source: Hochreiter & Schmidhuber (1997), Long short-term memory, in the form of Le, Jaitly & Hinton (2015), arXiv
    1504.00941, and Bai, Kolter & Koltun (2018), arXiv 1803.01271. The length is T; only the last step counts.
    """

    shortest = 2

    def __init__(self) -> None:
        self.input_sizes = {"input_size": 2}
        self.output_sizes = {"channels": 1}

    def draw(self, generator: np.random.Generator, batch_size: int, length: int) -> Examples:
        inputs = np.zeros((length, batch_size, 2), dtype=np.float32)
        inputs[..., 0] = generator.random((length, batch_size), dtype=np.float32)
        lanes, half = np.arange(batch_size), length // 2
        inputs[generator.integers(0, half, batch_size), lanes, 1] = 1
        inputs[generator.integers(half, length, batch_size), lanes, 1] = 1
        targets = np.zeros((length, batch_size, 1), dtype=np.float32)
        targets[-1, :, 0] = inputs.prod(-1).sum(0)
        mask = np.zeros(targets.shape, dtype=bool)
        mask[-1] = True
        return Examples(inputs, targets, mask)

    def memoryless_loss(self, length: int) -> float:
        """1/6: the variance of the sum of two uniform numbers, where the answer is always 1."""
        return 1 / 6
