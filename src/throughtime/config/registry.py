"""Registry of what a configuration may build: exact public names, by the kind of the place.

A configuration is data from somewhere: a YAML file, a command line, a checkpoint that was downloaded. Each place in
it has a kind (`cell`: a concrete subclass of `Cell`; `optim.optimizer`: an optimiser of torch; …). A name is built
there only if a package of that kind lists it as public, and what it leads to is of that kind. No configuration can
add to the registry. Code of the user's own is trusted by the user's own word (`throughtime.config.trust`).

Nothing is imported before its name was found in the registry, and nothing here imports torch.
"""

import importlib
import inspect
import pkgutil
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from throughtime.config.trust import is_trusted
from throughtime.errors import UserError


@dataclass(frozen=True)
class Kind:
    """A kind of objects that a configuration may build.

    Attributes:
        noun: what an error calls it.
        base: the dotted name of the class that every object of this kind is an instance of.
        packages: the packages whose public names may be of this kind; `throughtime.task.*` names all subpackages.
        others: exact names in other libraries, each with the arguments that a configuration may give it.
        final: whether the base is itself what is built.
    """

    noun: str
    base: str
    packages: tuple[str, ...] = ()
    others: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    final: bool = False

    @property
    def phrase(self) -> str:
        """The noun with its article."""
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"


_OPTIMIZERS = "Adadelta Adafactor Adagrad Adam AdamW Adamax ASGD NAdam RAdam RMSprop Rprop SGD"
"""Those of dense gradients that take a step without a closure."""

_TRAINER = (
    "accelerator strategy devices num_nodes precision fast_dev_run max_epochs min_epochs max_steps min_steps max_time "
    "limit_train_batches limit_val_batches limit_test_batches overfit_batches val_check_interval "
    "check_val_every_n_epoch num_sanity_val_steps log_every_n_steps accumulate_grad_batches gradient_clip_val "
    "gradient_clip_algorithm deterministic benchmark inference_mode profiler detect_anomaly sync_batchnorm"
)
_CALLBACKS = {  # they write no files, run no hooks of the configuration's, and open nothing
    "EarlyStopping": (
        "monitor min_delta patience verbose mode strict check_finite stopping_threshold divergence_threshold "
        "check_on_train_epoch_end log_rank_zero_only"
    ),
    "GradientAccumulationScheduler": "scheduling",
    "LearningRateMonitor": "logging_interval log_momentum log_weight_decay",
    "DeviceStatsMonitor": "cpu_stats",
    "ModelSummary": "max_depth",
    "RichModelSummary": "max_depth",
    "StochasticWeightAveraging": "swa_lrs swa_epoch_start annealing_epochs annealing_strategy",
    "Timer": "duration interval verbose",
}
_LOGGERS = {  # where they write is the run's folder, which the program gives
    "TensorBoardLogger": "log_graph default_hp_metric max_queue flush_secs",
    "CSVLogger": "flush_logs_every_n_steps",
    "WandbLogger": "project entity group tags notes offline",
    "MLFlowLogger": "experiment_name run_name",
}

KINDS: dict[str, Kind] = {
    "cell": Kind("recurrent cell", "throughtime.cell.base.Cell", ("throughtime.cell",)),
    "engine": Kind("engine", "throughtime.engine.base.Engine", ("throughtime.engine",)),
    "model": Kind("model", "torch.nn.Module", ("throughtime.model", "throughtime.model.forecast")),
    "input": Kind("input layer", "torch.nn.Module", ("throughtime.model.inputs",)),
    "layers": Kind("stack of layers", "torch.nn.Module", ("throughtime.model.layers",)),
    "pooling": Kind("pooling", "throughtime.model.pooling.base.Pooling", ("throughtime.model.pooling",)),
    "head": Kind("head", "throughtime.head.base.Head", ("throughtime.head",)),
    "decoder": Kind("decoder", "throughtime.decode.base.Decoder", ("throughtime.decode",)),
    "optimization": Kind(
        "optimisation", "throughtime.optim.optimization.Optimization", ("throughtime.optim",), final=True
    ),
    "optimizer": Kind(
        "optimiser",
        "torch.optim.Optimizer",
        others={f"torch.optim.{name}": None for name in _OPTIMIZERS.split()},
    ),
    "schedule": Kind(
        "learning-rate schedule", "torch.optim.lr_scheduler.LRScheduler", ("throughtime.optim",)
    ),
    "regulariser": Kind(
        "regulariser", "throughtime.regulariser.base.Regulariser", ("throughtime.regulariser",)
    ),
    "initialiser": Kind("initialiser", "throughtime.init.base.Initialiser", ("throughtime.init",)),
    "tokenizer": Kind("tokenizer", "throughtime.tokenizer.base.Tokenizer", ("throughtime.tokenizer",)),
    "data": Kind("data module", "throughtime.data.base.DataModule", ("throughtime.data.*",)),
    "data part": Kind("part of data", "throughtime.data.base.DataPart", ("throughtime.data.*",)),
    "task": Kind("task", "throughtime.task.base.Task", ("throughtime.task.*",)),
    "task part": Kind("part of a task", "throughtime.task.base.TaskPart", ("throughtime.task.*",)),
    "callback": Kind(
        "callback",
        "lightning.pytorch.Callback",
        ("throughtime.callback", "throughtime.task.*"),
        {f"lightning.pytorch.callbacks.{name}": tuple(given.split()) for name, given in _CALLBACKS.items()},
    ),
    "trainer": Kind(
        "trainer",
        "lightning.pytorch.Trainer",
        others={"lightning.pytorch.Trainer": tuple(_TRAINER.split())},
    ),
    "profiler": Kind(
        "profiler",
        "lightning.pytorch.profilers.Profiler",
        others={
            "lightning.pytorch.profilers.SimpleProfiler": ("extended",),
            "lightning.pytorch.profilers.AdvancedProfiler": ("line_count_restriction",),
        },
    ),
    "logger": Kind(
        "logger",
        "lightning.pytorch.loggers.Logger",
        others={
            f"lightning.pytorch.loggers.{name}": tuple(given.split()) for name, given in _LOGGERS.items()
        },
    ),
}

PLACES: dict[str, str] = {
    "cell": "cell",
    "cell.cell": "cell",
    "engine": "engine",
    "model": "model",
    "model.front": "input",
    "model.front.characters": "input",
    "model.front.characters.cell": "cell",
    "model.front.characters.cell.cell": "cell",
    "model.front.characters.engine": "engine",
    "model.layers": "layers",
    "model.pooling": "pooling",
    "pooling": "pooling",
    "head": "head",
    "decode": "decoder",
    "optim": "optimization",
    "optim.optimizer": "optimizer",
    "optim.schedule": "schedule",
    "regulariser": "regulariser",
    "init": "initialiser",
    "tokenizer": "tokenizer",
    "data": "data",
    "data.*": "data part",
    "task": "task",
    "task.*": "task part",
    "callback.*": "callback",
    "callback.*.decoder": "decoder",
    "trainer": "trainer",
    "trainer.profiler": "profiler",
    "logger.*": "logger",
}
"""The kind of each place; `*` stands for any one name. A place that is not here takes no part."""

MODEL_PARTS = frozenset(
    {
        "cell",
        "engine",
        "model",
        "input",
        "layers",
        "pooling",
        "head",
        "decoder",
        "tokenizer",
        "task",
        "task part",
    }
)
"""The kinds that a checkpoint from anywhere may build; the optimiser's parts join them where a run is resumed."""

GIVEN_BY_THE_PROGRAM = frozenset(
    {"cache_dir", "dirpath", "save_dir", "default_root_dir", "root_dir", "log_dir", "filename"}
    | {"tracking_uri", "artifact_location"}
)
"""Arguments that say where to write: no configuration gives them."""

SECOND_NAMES: Mapping[str, str] = {
    "throughtime.model.inputs.Words": "throughtime.model.inputs.WordFeatures",
}
"""Public names that a recorded configuration may use beside those of the packages, and the ones they stand for."""


def kind_at(key: str) -> str | None:
    """The kind of the place `key` (`model.front`); None for a place where nothing is built."""
    return next((kind for place, kind in PLACES.items() if _matches(key, place)), None)


def _matches(key: str, place: str) -> bool:
    names, parts = key.split("."), place.split(".")
    return len(names) == len(parts) and all(
        part in ("*", name) for name, part in zip(names, parts, strict=True)
    )


@dataclass(frozen=True)
class Located:
    """The class or function that a name leads to.

    Attributes:
        factory: the class, or the function that makes an object of the kind.
        arguments: the names of the arguments that a configuration may give; None for all but those of paths.
    """

    factory: Callable[..., Any]
    arguments: tuple[str, ...] | None


def locate(target: Any, key: str, kind: str | None = None) -> Located:
    """Find what the name `target` leads to, which stands in the configuration at the place `key`.

    Args:
        target: `throughtime.cell.LSTM`.
        key: the place, which tells the kind and is named by an error.
        kind: the kind, where the place alone does not tell it.

    Raises:
        UserError: nothing is built at this place, or the name is not one of its kind.
    """
    kind = kind or kind_at(key)
    if kind is None:
        raise UserError(f"{key}: nothing is built here, so there can be no _target_ ({target})")
    described = KINDS[kind]
    if not isinstance(target, str):
        raise UserError(f"{key}._target_={target} is not the name of {described.phrase}")
    target = SECOND_NAMES.get(target, target)
    if target in described.others:
        return Located(_imported(target, key), described.others[target])
    package, _, name = target.rpartition(".")
    if package in _packages(described.packages) and name in _public_names(package):
        found = getattr(importlib.import_module(package), name)
        if _is_of_kind(found, described):
            return Located(found, None)
    elif is_trusted(target):
        found = _imported(target, key)
        if inspect.isclass(found) and _is_of_kind(found, described):
            return Located(found, None)
        raise UserError(
            f"{key}: {target} is not {described.phrase} (a concrete subclass of {described.base})"
        )
    raise UserError(
        f"{key}: {target} is not {described.phrase} that a configuration may build{_hint(target)}"
    )


def names_of_kind(kind: str) -> Iterator[str]:
    """Every name that can be built at places of a kind. This imports the packages, and so torch."""
    described = KINDS[kind]
    yield from described.others
    for package in sorted(_packages(described.packages)):
        for name in sorted(_public_names(package)):
            if _is_of_kind(getattr(importlib.import_module(package), name), described):
                yield f"{package}.{name}"


def _hint(target: str) -> str:
    top = target.partition(".")[0]
    known = top in ("throughtime", "torch", "lightning", "builtins") or top in sys.stdlib_module_names
    if known or "." not in target:
        return "; docs/trust.md lists what may be built"
    return f"; if {top} is code of your own, add trust={top} to the command"


def _packages(patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for pattern in patterns for name in _expanded(pattern))


@cache
def _expanded(pattern: str) -> tuple[str, ...]:
    """The packages that `throughtime.task.*` stands for, found without importing any of them but the first."""
    parent, star, _ = pattern.partition(".*")
    if not star:
        return (pattern,)
    found = pkgutil.iter_modules(importlib.import_module(parent).__path__, f"{parent}.")
    return (parent, *(module.name for module in found if module.ispkg))


def _public_names(package: str) -> list[str]:
    return list(getattr(importlib.import_module(package), "__all__", ()))


def _imported(target: str, key: str) -> Any:
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{key}: there is no {target} ({error})") from error


def _is_of_kind(found: Any, kind: Kind) -> bool:
    """Whether a class is a concrete one of the kind, or a function is declared to return one."""
    base = _imported(kind.base, kind.noun)
    if inspect.isclass(found):
        return issubclass(found, base) and not inspect.isabstract(found) and (found is not base or kind.final)
    if isinstance(found, types.FunctionType):
        returned = typing.get_type_hints(found).get("return")
        return inspect.isclass(returned) and issubclass(returned, base)
    return False
