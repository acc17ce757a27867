"""Lightning's strategy of distributed data parallel, for ranks that find each other by a store of their environment.

The ranks of one machine find each other by a file in a folder of the user's own, and connect by the loopback interface,
so that no other machine can reach them. What ranks send each other is plain data and tensors.
"""

import atexit
import os
import socket
from typing import TypeVar

from lightning.pytorch.strategies import DDPStrategy
from torch import distributed

from throughtime.distributed import collectives

Value = TypeVar("Value")

INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
"""The variables of a network interface for the backends of PyTorch; gloo would take that of the host's name."""


class StoreDDP(DDPStrategy):
    """Distributed data parallel by the store of the cluster environment, and without pickles between ranks.

    Args:
        settings: those of Lightning's `DDPStrategy`.
    """

    def setup_distributed(self) -> None:
        self.set_world_ranks()
        if not distributed.is_initialized():
            self._connect()
        super().setup_distributed()  # finds the process group that is there

    def _connect(self) -> None:
        backend = self._get_process_group_backend()
        place = self.cluster_environment
        if place.loopback_only:
            os.environ.update(dict.fromkeys(INTERFACES, loopback()))
        distributed.init_process_group(
            backend,
            store=place.store(),
            rank=place.global_rank(),
            world_size=place.world_size(),
            timeout=self._timeout,
            device_id=self.root_device if self.root_device.type != "cpu" else None,
        )
        if backend == "nccl":
            atexit.register(_disconnect)

    def broadcast(self, obj: Value, src: int = 0) -> Value:
        return collectives.broadcast(obj, src)


def loopback() -> str:
    """The name of the loopback interface: lo, or lo0."""
    return next(name for _, name in socket.if_nameindex() if name.startswith("lo"))


def _disconnect() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
