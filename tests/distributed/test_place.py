"""A process knows its place among those of torchrun or srun from the environment alone."""

import pytest

from throughtime.distributed.place import Place, external_place
from throughtime.errors import UserError

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "TORCHELASTIC_RESTART_COUNT": "1",
    "TORCHELASTIC_MAX_RESTARTS": "5",
}
SRUN = {
    "SLURM_NTASKS": "6",
    "SLURM_PROCID": "4",
    "SLURM_LOCALID": "1",
    "SLURM_NNODES": "2",
    "SLURM_NODELIST": "node[07-08]",
    "SLURM_JOB_ID": "120345",
}


def test_torchrun_tells_the_place_and_the_restarts():
    place = external_place(TORCHRUN)
    assert place == Place("torchrun", 3, 4, 1, 2, "node1", 29500, hosted=True, restarts=1, max_restarts=5)
    assert place.nodes == 2


def test_srun_tells_the_place_and_the_first_machine_of_its_list():
    place = external_place(SRUN)
    assert place == Place("srun", 4, 6, 1, 3, "node07", 15345)
    assert place.nodes == 2


def test_an_address_of_ones_own_goes_before_slurms():
    place = external_place({**SRUN, "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1234"})
    assert (place.address, place.port) == ("10.0.0.1", 1234)


@pytest.mark.parametrize(
    "environment",
    [{}, {**SRUN, "SLURM_NTASKS": "1"}, {**SRUN, "SLURM_JOB_NAME": "bash"}, {"RANK": "1", "WORLD_SIZE": "2"}],
    ids=["alone", "one task", "a shell inside an allocation", "somebody else's variables"],
)
def test_other_processes_have_no_place(environment):
    assert external_place(environment) is None


def test_machines_of_different_sizes_are_refused():
    with pytest.raises(
        UserError, match="5 processes, 3 of them on this machine; each machine must have the same"
    ):
        external_place({**SRUN, "SLURM_NTASKS": "5"})


def test_a_missing_variable_is_named():
    with pytest.raises(UserError, match="has not set LOCAL_RANK"):
        external_place({name: value for name, value in TORCHRUN.items() if name != "LOCAL_RANK"})


def test_the_launcher_chooses_machines_and_devices():
    config = {"seed": 1, "trainer": {"devices": 8, "max_steps": 5}}
    assert external_place(TORCHRUN).config_of(config) == {
        "seed": 1,
        "trainer": {"devices": 2, "num_nodes": 2, "max_steps": 5},
    }
    assert config["trainer"]["devices"] == 8


def test_another_number_of_machines_is_refused():
    with pytest.raises(UserError, match=r"trainer\.num_nodes=3, but torchrun has started processes on 2"):
        external_place(TORCHRUN).config_of({"trainer": {"devices": 1, "num_nodes": 3}})
