"""Figure of a confusion matrix, for every task that has classes."""

from collections.abc import Sequence

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor


def plot_confusion(fractions: Float[Tensor, "K K"], names: Sequence[str], noun: str) -> Figure:
    """The confusion matrix: a row a true class, coloured by the fraction that was predicted as each class.

    Args:
        fractions: of the targets of the row's class.
        names: of the classes.
        noun: what the axes call a class.
    """
    side = max(4.5, 2.5 + 0.35 * len(names))  # room for the title
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot(xlabel=f"predicted {noun}", ylabel=f"true {noun}")
    axes.set_title(f"percent of each true {noun} that is predicted as each {noun}", fontsize=10)
    image = axes.imshow(100 * fractions.numpy(), cmap="Blues", vmin=0, vmax=100)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    for row, column in (fractions >= 0.005).nonzero().tolist():
        fraction = float(fractions[row, column])
        shade = "white" if fraction > 0.5 else "black"
        axes.text(column, row, f"{100 * fraction:.0f}", ha="center", va="center", size=7, color=shade)
    figure.colorbar(image, ax=axes, shrink=0.6, label=f"percent of the true {noun}")
    return figure
