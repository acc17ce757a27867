"""Model of data-parallel training: the time of a step on W ranks from that on one and from the network's.

Each rank computes the gradient of its lanes, and one all-reduce of n bytes averages the gradients of all. With latency
α (seconds a message) and bandwidth β (bytes a second)

    ring:              a(W, n) = 2 (W - 1) α + 2 (W - 1) / W · n / β
    halving-doubling:  a(W, n) = 2 log₂ W · α + 2 (W - 1) / W · n / β

(Thakur, Rabenseifner & Gropp 2005, Int. J. High Perform. Comput. Appl. 19:49; gloo and NCCL use rings for large
gradients, trees for small ones). A step of b lanes takes t(b) = f + g b on one rank: the steps in time of a recurrent
network follow each other however few lanes there are, so f is not 0. Then

    weak scaling (B lanes a rank):      T(W) = t(B) + a(W, n)       efficiency t(B) / T(W)
    strong scaling (B lanes in all):    T(W) = t(B / W) + a(W, n)   efficiency t(B) / (W T(W))

The all-reduce is counted as if it began when the gradient is complete. That of real training begins with the last
layer's gradient, so these are lower bounds of the efficiency as far as the network is concerned.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RING, HALVING_DOUBLING = "ring", "halving-doubling"
ALGORITHMS = (RING, HALVING_DOUBLING)
BYTES_A_PARAMETER = 4


@dataclass(frozen=True)
class Network:
    """A network that ranks reduce their gradients over.

    Attributes:
        latency: α, seconds a message.
        bandwidth: β, bytes a second that a rank sends while it receives as many.
        algorithm: of the all-reduce, one of `ALGORITHMS`.
    """

    latency: float
    bandwidth: float
    algorithm: str = RING

    def seconds(self, ranks: int, size: int) -> float:
        """a(W, n), the time of an all-reduce.

        Args:
            ranks: W.
            size: n, in bytes.
        """
        messages = 2 * (ranks - 1) if self.algorithm == RING else 2 * math.log2(ranks)
        return messages * self.latency + 2 * (ranks - 1) / ranks * size / self.bandwidth


@dataclass(frozen=True)
class Step:
    """A training step of one rank.

    Attributes:
        parameters: of the model, whose gradients are reduced in single precision.
        lanes: B.
        fixed: f, seconds that do not depend on the lanes.
        per_lane: g, seconds a lane.
    """

    parameters: int
    lanes: int
    fixed: float
    per_lane: float

    @property
    def size(self) -> int:
        """n, the bytes of the gradient."""
        return BYTES_A_PARAMETER * self.parameters

    def seconds(self, lanes: float) -> float:
        """t(b), the time of a step of b lanes on one rank."""
        return self.fixed + self.per_lane * lanes


def weak_seconds(step: Step, network: Network, ranks: int) -> float:
    """T(W) with B lanes a rank."""
    return step.seconds(step.lanes) + network.seconds(ranks, step.size)


def weak_efficiency(step: Step, network: Network, ranks: int) -> float:
    """t(B) / T(W) with B lanes a rank: 1 where W ranks train W times as many lanes in the time of one."""
    return step.seconds(step.lanes) / weak_seconds(step, network, ranks)


def strong_seconds(step: Step, network: Network, ranks: int) -> float:
    """T(W) with B lanes in all; the rank with the most of them counts, and a rank has one at least."""
    return step.seconds(math.ceil(step.lanes / ranks)) + network.seconds(ranks, step.size)


def strong_speed_up(step: Step, network: Network, ranks: int) -> float:
    """t(B) / T(W) with B lanes in all: W at best."""
    return step.seconds(step.lanes) / strong_seconds(step, network, ranks)


def fitted_network(samples: Sequence[tuple[int, float]], ranks: int, algorithm: str = RING) -> Network:
    """The network whose times differ least from measured ones, by the squares of their relative errors.

    Args:
        samples: bytes and measured seconds, of two sizes at least.
        ranks: W of the measurement.
        algorithm: of the all-reduce.
    """
    sizes, seconds = (np.array(column, dtype=float) for column in zip(*samples, strict=True))
    messages, share = Network(1.0, math.inf, algorithm).seconds(ranks, 0), 2 * (ranks - 1) / ranks
    columns = np.stack([np.full_like(sizes, messages), share * sizes], axis=1) / seconds[:, None]
    (latency, per_byte), *_ = np.linalg.lstsq(columns, np.ones_like(seconds), rcond=None)
    return Network(max(latency, 0.0), math.inf if per_byte <= 0 else 1 / per_byte, algorithm)


def fitted_step(parameters: int, lanes: int, whole: float, half: float) -> Step:
    """The step with measured seconds of B lanes and of B / 2; noise makes neither part negative."""
    fixed = min(max(2 * half - whole, 0.0), whole)
    return Step(parameters, lanes, fixed, (whole - fixed) / lanes)
