"""Only a TensorBoard logger has a TensorBoard writer."""

from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from throughtime.callback.tensorboard import tensorboard_writer


class Ask(Callback):
    writer = None

    def on_train_end(self, trainer, pl_module):
        self.writer = tensorboard_writer(trainer)


def test_the_writer_is_that_of_the_tensorboard_logger(fit, tmp_path):
    logger = TensorBoardLogger(tmp_path, name="", version="")
    ask = Ask()
    fit(ask, logger=[CSVLogger(tmp_path), logger])
    assert ask.writer is logger.experiment


def test_without_one_there_is_no_writer(fit, tmp_path):
    for logger in (False, CSVLogger(tmp_path)):
        ask = Ask()
        fit(ask, logger=logger)
        assert ask.writer is None
