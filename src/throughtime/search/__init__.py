"""Search of hyperparameters by Optuna: its space, samplers, trials and report."""
