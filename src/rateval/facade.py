"""The Python entry points: run a study, make one component, evaluate a live model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, overload

from pydantic import ValidationError

from rateval.api.component import Context
from rateval.api.execution import Executor
from rateval.api.kinds import KINDS, Kind
from rateval.api.protocols import Attribution, Dataset, Metric, Model, Shift, Validator
from rateval.api.training import Finetuner
from rateval.engine.executors.ahead import import_ahead
from rateval.errors import Problem, RatevalError, SpecError
from rateval.plan.cells import Choice
from rateval.plan.choosing import explain_param, one_per_key
from rateval.plan.planning import make_plan
from rateval.plan.published import Protocol
from rateval.progress import Reporter
from rateval.records.presenting import present_by
from rateval.records.run import RunRecord
from rateval.registry.catalogue import explain_missing
from rateval.registry.discovery import discover
from rateval.registry.finding import find_component
from rateval.registry.references import params_class
from rateval.registry.registry import Registry
from rateval.report.notebook import Notebook
from rateval.spec.document import Document, read_document
from rateval.spec.explain import locate
from rateval.spec.overrides import override_run
from rateval.spec.tables import RunSpec

if TYPE_CHECKING:
    from rateval.plan.parts import Parts

_DEFAULT = Context()

present_by(Notebook())


def open_spec(spec: str | Path | Mapping[str, Any] | RunSpec) -> Document:
    """Return a spec given as a path, as nested dicts shaped like the TOML, or as a RunSpec."""
    if isinstance(spec, RunSpec):
        return Document("spec", spec.as_tables(), "")
    if isinstance(spec, Mapping):
        return Document("spec", dict(spec), "")
    return read_document(Path(spec))


def run(
    spec: str | Path | Mapping[str, Any] | RunSpec,
    *,
    reporter: Reporter | None = None,
    registry: Registry | None = None,
    fail_fast: bool = False,
    only: str | Sequence[str] = (),
    **options: Any,
) -> RunRecord:
    """Run a study and return its record, which is also on disk under ``record.path``.

    A cell that fails takes down nothing else: the record's ``status`` is then ``"failed"``, and its
    ``failures`` say what went wrong. ``fail_fast`` stops at the first of them. ``only`` names the
    cells to compute, by label or pattern; of the others is taken what is stored. ``options``
    replace keys of the spec's ``[run]``, such as ``device="cpu"`` or ``limit=8``. Nothing is
    printed unless a ``reporter`` is given. A ``registry`` counts in this process: workers of an
    executor find plugins by themselves. Raises SpecError with every problem of the spec, and
    RatevalError when the machine or the data don't allow the run.
    """
    values = {key: (f"run(…, {key})", value) for key, value in options.items()}
    registry = registry or discover()
    plan = make_plan(override_run(open_spec(spec), values), registry)
    import_ahead(plan)
    from rateval.engine.runner import Runner

    runner = Runner(plan, registry, reporter or Reporter(), fail_fast=fail_fast, only=only)
    return runner.run()


class Parity(NamedTuple):
    """The records of one study under both protocols."""

    matched: RunRecord
    aaai25: RunRecord


def parity(
    spec: str | Path | Mapping[str, Any] | RunSpec,
    *,
    reporter: Reporter | None = None,
    registry: Registry | None = None,
    fail_fast: bool = False,
    only: str | Sequence[str] = (),
    **options: Any,
) -> Parity:
    """Run a study as ``matched`` and as ``aaai25`` into one store, and return both records.

    What both have in common is computed once. What the published procedure sets prevails over the
    spec's own params there, and methods that the paper doesn't have are left out. What else can be
    given, and what is raised, is as in ``run``.
    """
    from rateval.engine.runner import Runner

    values = {key: (f"parity(…, {key})", value) for key, value in options.items()}
    registry = registry or discover()
    document = override_run(open_spec(spec), values)
    # Both first, so that a problem of the second shows before the first has run for hours.
    plans = [make_plan(document, registry, protocol) for protocol in get_args(Protocol)]
    reporter = reporter or Reporter()
    return Parity(
        *(Runner(plan, registry, reporter, fail_fast=fail_fast, only=only).run() for plan in plans)
    )


@overload
def create(
    kind: Literal["model"], name: str, *, context: Context = ..., **params: Any
) -> Model: ...
@overload
def create(
    kind: Literal["finetuner"], name: str, *, context: Context = ..., **params: Any
) -> Finetuner: ...
@overload
def create(
    kind: Literal["attribution"], name: str, *, context: Context = ..., **params: Any
) -> Attribution: ...
@overload
def create(
    kind: Literal["validator"], name: str, *, context: Context = ..., **params: Any
) -> Validator: ...
@overload
def create(
    kind: Literal["metric"], name: str, *, context: Context = ..., **params: Any
) -> Metric: ...
@overload
def create(
    kind: Literal["dataset"], name: str, *, context: Context = ..., **params: Any
) -> Dataset: ...
@overload
def create(
    kind: Literal["shift"], name: str, *, context: Context = ..., **params: Any
) -> Shift: ...
@overload
def create(
    kind: Literal["executor"], name: str, *, context: Context = ..., **params: Any
) -> Executor: ...
def create(kind: Kind, name: str, *, context: Context = _DEFAULT, **params: Any) -> Any:
    """Return a live component, made as in a study: ``create("metric", "pt")``.

    ``name`` may be a function in a Python file, too: ``create("dataset", "./my_dataset.py:make")``.
    ``params`` are those that ``rateval show KIND NAME`` lists; ``context`` carries device and seed.
    Raises RatevalError for an unknown component, a missing requirement or wrong params.
    """
    from rateval.workbench.build import build

    if kind not in KINDS:
        raise RatevalError(f'kind = "{kind}": unknown; kinds are {", ".join(KINDS)}')
    registry = discover()
    try:
        found = find_component(kind, name, registry, Path())
    except RatevalError as error:
        raise RatevalError(f'create("{kind}", "{name}"): {error}') from None
    missing = explain_missing(found)
    if missing is not None:
        raise RatevalError(f'create("{kind}", "{name}"): {missing}')
    model = params_class(found)
    try:
        checked = model.model_validate(params)
    except ValidationError as error:
        call = f'create("{kind}", "{name}")'
        raise SpecError(
            Problem(
                # A check of all params together names no key.
                ": ".join(filter(None, (call, locate(params, details["loc"])[0]))),
                explain_param(details, model, found),
            )
            for details in one_per_key(error, params)
        ) from None
    return build(Choice(name, found, checked), context)


def evaluate(
    model: Any,
    images: Any,
    labels: Sequence[int | str],
    masks: Sequence[Any] | None = None,
    *,
    classes: Sequence[str],
    head: Any = None,
    head_on: Literal["features", "embedding"] = "features",
    attributions: Parts = "generic-attention",
    validators: Parts | None = None,
    metrics: Parts | None = None,
    counterfactual: bool | Mapping[str, Any] = False,
    shifts: Parts | None = None,
    seed: int = 0,
    into: str | Path = "runs",
    name: str = "",
    reporter: Reporter | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> RunRecord:
    """Evaluate a live model on images, and return the record, which is also on disk in ``into``.

    ``model`` is what ``wrap`` or ``create`` returned, or a module that ``wrap`` takes alone. It
    stays in this process and is afterwards as it was. It decides by prompts of ``classes``; by
    ``head``, a module from its features (B, F), or, with ``head_on="embedding"``, from its image
    embedding of unit length, to logits (B, K); or by its own logits where it has no text side.
    ``images`` are PIL images, paths or arrays (H, W, 3) uint8, in a list, a torch Dataset or an
    iterable; ``labels`` are indices into ``classes`` or names of them; ``masks`` are arrays (H, W)
    bool, paths or None, one for each image. ``attributions``, ``validators`` and ``metrics`` are as
    in a spec: a name, a dict with ``use`` and params, or several. ``validators`` left out is
    ``relevance-mass``, ``metrics`` left out are ``accuracy``, ``pt`` and ``ir``.
    ``counterfactual`` asks whether answers hang on the object: True, or keys of the spec's table,
    such as ``{"donors": 2}``; its validator and metrics are then among those left out. ``shifts``,
    also as in a spec, test changed images beside the given ones. ``options``
    replace keys of ``[run]``, such as ``batch_size=16``, ``limit=8`` or ``device="cuda"``; the
    device is the model's own when it isn't given. ``name`` is the model's in reports.
    Raises SpecError with everything that is wrong with the arguments before anything is computed,
    and RatevalError when nothing could be computed.
    """
    from rateval.live.evaluation import evaluate as evaluate_live

    return evaluate_live(
        model,
        (images, labels, masks, classes),
        head,
        head_on,
        {"attribution": attributions, "evidence": validators, "metric": metrics, "shift": shifts},
        counterfactual,
        options,
        into=str(into),
        name=name,
        seed=seed,
        registry=registry or discover(),
        reporter=reporter or Reporter(),
    )


def wrap(
    model: Any,
    tokenizer: Any = None,
    preprocess: Any = None,
    *,
    prompt: str | Sequence[str] | None = None,
    record: Any = None,
    grid: tuple[int, int] | None = None,
    registry: Registry | None = None,
) -> Model:
    """Return a live ``torch.nn.Module`` as a model, for ``evaluate``; the module isn't changed.

    A class that a plugin knows, such as open_clip's CLIP or transformers' CLIPModel, is wrapped by
    it, with its ``tokenizer``, its ``preprocess`` (the transform of evaluation) and ``prompt``,
    templates that hold {class}. Any other module is a vision transformer without a text side: it
    returns features or logits (B, F), needs ``preprocess``, and has its attention found by a
    forward pass. Where none is found, ``record`` makes a forward pass: of images (B, 3, H, W) it
    returns the module's output and a list of each block's attention (B, heads, N, N), from which
    the output is computed in the graph. ``grid`` are patch rows and columns, where they can't be
    told.
    Raises RatevalError when the module can't be wrapped, with what could be.
    """
    from rateval.live.wrapping import wrap as wrap_live

    return wrap_live(model, tokenizer, preprocess, prompt, record, grid, registry or discover())
