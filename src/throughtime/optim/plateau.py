"""Plateau schedule: the learning rate is reduced when validation stops improving."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from throughtime.errors import UserError, check_fraction
from throughtime.optim.schedule import check_warmup, warmup


class Plateau(LRScheduler):
    """η_t = η · w(t) · factor^n, where n counts the plateaus so far.

    A plateau is `patience` + 1 validations in a row without an improvement by more than `threshold`; then
    the rate falls and the counting starts again. Steps are counted by `step()`, for the warm-up;
    validations by `observe()`. (PyTorch's own ReduceLROnPlateau sets the rate itself, so that no warm-up
    can go with it.)

    Args:
        optimizer: whose learning rates are set.
        total_steps: not used; every schedule takes it.
        warmup_steps: W of the linear warm-up w(t).
        factor: what the rate is multiplied by at a plateau, in (0, 1).
        patience: validations without improvement before the rate falls.
        threshold: what counts as an improvement, in the metric's own unit.
        final_fraction: the fraction of η below which the rate does not fall.

    Raises:
        UserError: a value is outside its range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int | None = None,
        warmup_steps: int = 0,
        factor: float = 0.5,
        patience: int = 2,
        threshold: float = 1e-4,
        final_fraction: float = 0.0,
    ) -> None:
        check_warmup(warmup_steps)
        check_fraction(factor=factor, final_fraction=final_fraction)
        if factor == 0:
            raise UserError("factor must be above 0, not 0")
        if patience < 0:
            raise UserError(f"patience must be at least 0, not {patience}")
        self.warmup_steps = warmup_steps
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.final_fraction = final_fraction
        self.fraction = 1.0
        self.best = float("inf")
        self.waited = 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """The rates of the optimiser's groups at the present step."""
        factor = warmup(self.last_epoch, self.warmup_steps) * self.fraction
        return [base * factor for base in self.base_lrs]

    def observe(self, value: float) -> None:
        """Take the value of one validation, less being better; a NaN counts as no improvement.

        A metric that is to be maximised is given with the opposite sign.
        """
        if value < self.best - self.threshold:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.fraction = max(self.fraction * self.factor, self.final_fraction)
            self.waited = 0
            self._last_lr = self.get_lr()
            for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
                group["lr"] = rate
