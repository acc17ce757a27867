"""A PNG file comes out of TensorBoard as it went in."""

from pathlib import Path

from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import IMAGES, EventAccumulator

from throughtime.sweep.tensorboard_figure import EVENTS, write_tensorboard_figure


def test_a_figure_is_shown_with_its_size_and_an_earlier_one_no_more(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.other").write_bytes(b"")
    for size in ((2, 1), (3, 2)):
        Figure(figsize=size).savefig(tmp_path / "comparison.png", dpi=100)
        write_tensorboard_figure(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"events.out.tfevents.1.other", EVENTS, "comparison.png"}
    file = tmp_path / EVENTS
    events = EventAccumulator(str(file), size_guidance={IMAGES: 0})
    events.Reload()
    (image,) = events.Images("comparison")
    assert (image.width, image.height) == (300, 200)
    assert image.encoded_image_string == (tmp_path / "comparison.png").read_bytes()


def test_without_a_figure_there_is_nothing_to_show(tmp_path: Path) -> None:
    write_tensorboard_figure(tmp_path)
    assert list(tmp_path.iterdir()) == []
