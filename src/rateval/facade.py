"""The Python entry points: run a study, make one component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, overload

from pydantic import ValidationError

from rateval.api.component import Context
from rateval.api.execution import Executor
from rateval.api.kinds import KINDS, Kind
from rateval.api.protocols import Attribution, Dataset, Metric, Model, Shift, Validator
from rateval.api.training import Finetuner
from rateval.errors import Problem, RatevalError, SpecError
from rateval.plan.cells import Choice
from rateval.plan.choosing import explain_param, one_per_key
from rateval.plan.planning import make_plan
from rateval.plan.published import Protocol
from rateval.progress import Reporter
from rateval.records.run import RunRecord
from rateval.registry.catalogue import explain_missing
from rateval.registry.discovery import discover
from rateval.registry.finding import find_component
from rateval.registry.references import params_class
from rateval.registry.registry import Registry
from rateval.spec.document import Document, read_document
from rateval.spec.explain import locate
from rateval.spec.overrides import override_run
from rateval.spec.tables import RunSpec

_DEFAULT = Context()


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
    from rateval.engine.runner import Runner

    values = {key: (f"run(…, {key})", value) for key, value in options.items()}
    registry = registry or discover()
    plan = make_plan(override_run(open_spec(spec), values), registry)
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
