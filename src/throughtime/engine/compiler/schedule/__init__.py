"""Schedule: when each expression is computed, and the arrays that results are stored in."""
