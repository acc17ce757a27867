"""The last step of a run is validated, whatever the interval, and no step twice."""

import pytest
from lightning.pytorch import Callback

from throughtime.callback.final_validation import FinalValidation


class Validations(Callback):
    """The steps at which the model was validated."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self.steps.append(trainer.global_step)


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        ({"max_steps": 10}, [4, 8, 10]),
        ({"max_steps": 12}, [4, 8, 12]),
        ({"max_steps": 3}, [3]),
        ({"max_steps": 30, "check_val_every_n_epoch": None, "val_check_interval": 20}, [20, 30]),
        ({"max_steps": -1, "max_epochs": 1, "val_check_interval": 5}, [5, 10, 12]),
        (
            {"max_steps": -1, "max_epochs": 2, "check_val_every_n_epoch": None, "val_check_interval": 9},
            [9, 18, 24],
        ),
        ({"max_steps": 3, "accumulate_grad_batches": 2, "val_check_interval": 4}, [2, 3]),
    ],
)
def test_the_last_step_is_validated_once(fit, arguments, steps):
    validations = Validations()
    fit(FinalValidation(), validations, logger=False, **arguments)
    assert validations.steps == steps
