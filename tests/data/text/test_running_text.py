import json

import numpy as np
import pytest
from lightning import LightningModule, Trainer

from throughtime.data.text.running_text import TextData
from throughtime.errors import UserError
from throughtime.tokenizer.bytes import Bytes
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.words import Words


def ready(tokenizer=None, **arguments) -> TextData:
    data = TextData(**arguments)
    data.connect(tokenizer or Characters())
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def targets(loader) -> int:
    return sum(
        batch.targets.numel() if batch.lengths is None else int(batch.lengths.sum()) for batch in loader
    )


def test_the_text_that_python_ships_is_ready_without_any_file():
    data = ready()
    loaders = {
        "train": data.train_dataloader(),
        "val": data.val_dataloader(),
        "test": data.test_dataloader(),
    }
    for name, loader in loaders.items():
        assert targets(loader) == data.sizes[name] - 1
    assert sum(data.fingerprint()["characters"].values()) == sum(data.sizes.values())
    assert json.loads(json.dumps(data.fingerprint())) == data.fingerprint()
    assert data.describe() == data.fingerprint()["sources"]["all"]["path"]


def test_tiny_shakespeare_is_split_as_everybody_splits_it(public_data):
    path = public_data / "text" / "tinyshakespeare.txt"
    data = ready(path=str(path), split=(0.9, 0.1, 0.0))
    assert data.sizes == {"train": 1_003_854, "val": 111_540}
    assert data.characters_per_token == {"train": 1.0, "val": 1.0}
    assert data.test_dataloader() == []
    text = data.tokenizer.decode(data.train_dataloader().ids) + data.tokenizer.decode(
        data.val_dataloader().ids
    )
    assert text == path.read_text()


@pytest.mark.parametrize("tokenizer", [Characters, Bytes, Words])
def test_tokens_cover_the_characters_of_the_split(tmp_path, tokenizer):
    text = "Ein Märchen für Kinder.\n" * 200
    (tmp_path / "a.txt").write_text(text)
    data = ready(tokenizer(), path=str(tmp_path / "a.txt"), split=(1, 0, 0))
    first = len(data.tokenizer.decode(data.train_dataloader().ids[:1]))
    covered = data.characters_per_token["train"] * (data.sizes["train"] - 1)
    assert covered == pytest.approx(len(text) - first)


def test_ready_splits_and_other_text_for_a_fitted_tokenizer(tmp_path):
    for name in ("train", "val", "other"):
        (tmp_path / f"{name}.txt").write_text(f"the {name} text " * 50)
    data = ready(train_path=str(tmp_path / "train.txt"), val_path=str(tmp_path / "val.txt"))
    assert data.sizes.keys() == {"train", "val"}
    other = ready(data.tokenizer, test_path=str(tmp_path / "other.txt"))
    assert other.train_dataloader() == other.val_dataloader() == []
    assert targets(other.test_dataloader()) == other.sizes["test"] - 1 == 749


def test_lanes_are_marked_where_files_begin(tmp_path):
    for n in range(3):
        (tmp_path / f"{n}.txt").write_text(str(n) * 20)
    data = ready(path=str(tmp_path), split=(1, 0, 0), batch_size=1, chunk_length=8)
    marked = [
        (batch.inputs[step, 0].item(), n, step)
        for n, batch in enumerate(data.train_dataloader())
        if batch.resets is not None
        for step in np.flatnonzero(batch.resets[:, 0]).tolist()
    ]
    assert marked == [(1, 2, 4), (2, 5, 0)]


def test_mistakes_are_named_with_their_key(tmp_path):
    (tmp_path / "a.txt").write_text("short")
    with pytest.raises(UserError, match=r"train split has 5 symbols.*data\.chunk_length=64 needs 65"):
        ready(path=str(tmp_path / "a.txt"), split=(1, 0, 0))
    with pytest.raises(UserError, match=r"data\.batch_size must be above 0, not -2"):
        TextData(batch_size=-2)
    with pytest.raises(UserError, match=r"data\.split"):
        TextData(split=(0.5, 0.1, 0.1))


class Recorder(LightningModule):
    """Trains nothing; keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.seen: list[list[int]] = []
        self.validated = 0

    def training_step(self, batch, index):
        self.seen.append(batch.inputs[0].tolist())
        self.optimizers().step()

    def validation_step(self, batch, index):
        self.validated += 1

    def test_step(self, batch, index):
        raise AssertionError("there is no test split")

    def configure_optimizers(self):
        import torch

        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def fit(tmp_path, data: TextData, steps: int, **resume) -> Recorder:
    module = Recorder()
    trainer = Trainer(
        max_steps=steps,
        max_epochs=-1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, datamodule=data, weights_only=True, **resume)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    return module


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stop", [3, 7, 8, 16])
def test_lightning_goes_on_in_the_middle_and_at_the_end_of_an_epoch(tmp_path, stop):
    (tmp_path / "a.txt").write_text("".join(chr(200 + n) for n in range(450)))

    def data() -> TextData:
        return ready(
            path=str(tmp_path / "a.txt"),
            split=(0.9, 0.1, 0),
            batch_size=5,
            chunk_length=12,
            random_offset=True,
        )

    assert len(data().train_dataloader()) == 7
    whole = fit(tmp_path, data(), 24)
    first = fit(tmp_path, data(), stop)
    second = fit(tmp_path, data(), 24, ckpt_path=tmp_path / "last.ckpt")
    assert first.seen + second.seen == whole.seen
    assert whole.validated == 3
