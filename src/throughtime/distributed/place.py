"""The place of this process among those that torchrun or SLURM's srun has started, by the environment.

Nothing here imports torch: the command line asks before it reads its words.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from throughtime.errors import UserError

INTERACTIVE = ("bash", "interactive")
"""Names of SLURM's jobs in which a person starts the processes, as Lightning has them."""


@dataclass(frozen=True)
class Place:
    """The place of a process among all that one launcher has started.

    Attributes:
        launcher: `torchrun` or `srun`.
        rank, world_size: the number of this process among all, and how many there are.
        local_rank, local_size: the same among those of this machine; every machine has as many.
        address, port: where the ranks find each other.
        hosted: whether the launcher listens there, and not rank 0.
        restarts: how often the launcher has started these processes again.
        max_restarts: how often it may.
    """

    launcher: str
    rank: int
    world_size: int
    local_rank: int
    local_size: int
    address: str
    port: int
    hosted: bool = False
    restarts: int = 0
    max_restarts: int = 0

    @property
    def nodes(self) -> int:
        """The number of machines."""
        return self.world_size // self.local_size

    def __str__(self) -> str:
        machines = "1 machine" if self.nodes == 1 else f"{self.nodes} machines"
        return (
            f"{self.launcher} has started {self.world_size} processes on {machines}: "
            f"trainer.num_nodes={self.nodes} trainer.devices={self.local_size}"
        )

    def config_of(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """A run's configuration with these machines and processes.

        Raises:
            UserError: `trainer.num_nodes` asks for another number of machines.
        """
        trainer = config["trainer"]
        asked = trainer.get("num_nodes", 1)
        if asked not in (1, self.nodes):
            raise UserError(
                f"trainer.num_nodes={asked}, but {self.launcher} has started processes on {self.nodes}; leave it out"
            )
        return {**config, "trainer": {**trainer, "num_nodes": self.nodes, "devices": self.local_size}}


def external_place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """The place of this process; None where neither torchrun nor srun has started it with others.

    Raises:
        UserError: the machines have different numbers of processes, or a variable of the launcher is missing.
    """
    try:
        if "TORCHELASTIC_RUN_ID" in environment:
            place = _of_torchrun(environment)
        elif int(environment.get("SLURM_NTASKS", 1)) > 1 and "SLURM_PROCID" in environment:
            if environment.get("SLURM_JOB_NAME") in INTERACTIVE:
                return None
            place = _of_srun(environment)
        else:
            return None
    except KeyError as error:
        raise UserError(
            f"the launcher of this process has not set {error.args[0]}; start it by torchrun or srun"
        ) from None
    if place.world_size % place.local_size:
        raise UserError(
            f"{place.launcher} has started {place.world_size} processes, {place.local_size} of them on this machine; "
            "each machine must have the same number"
        )
    return place


def _of_torchrun(environment: Mapping[str, str]) -> Place:
    return Place(
        "torchrun",
        int(environment["RANK"]),
        int(environment["WORLD_SIZE"]),
        int(environment["LOCAL_RANK"]),
        int(environment["LOCAL_WORLD_SIZE"]),
        environment["MASTER_ADDR"],
        int(environment["MASTER_PORT"]),
        hosted=environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        restarts=int(environment.get("TORCHELASTIC_RESTART_COUNT", 0)),
        max_restarts=int(environment.get("TORCHELASTIC_MAX_RESTARTS", 0)),
    )


def _of_srun(environment: Mapping[str, str]) -> Place:
    from lightning.fabric.plugins.environments import SLURMEnvironment

    size = int(environment["SLURM_NTASKS"])
    nodes = int(environment.get("SLURM_STEP_NUM_NODES") or environment["SLURM_NNODES"])
    names = environment.get("SLURM_STEP_NODELIST") or environment["SLURM_NODELIST"]
    restarts = int(environment.get("SLURM_RESTART_COUNT", 0))
    return Place(
        "srun",
        int(environment["SLURM_PROCID"]),
        size,
        int(environment["SLURM_LOCALID"]),
        -(-size // nodes),
        environment.get("MASTER_ADDR") or SLURMEnvironment.resolve_root_node_address(names),
        # Jobs that share a machine have numbers near each other, so their ports differ.
        int(environment.get("MASTER_PORT") or 15000 + int(environment["SLURM_JOB_ID"]) % 10000),
        restarts=restarts,
        max_restarts=restarts,
    )
