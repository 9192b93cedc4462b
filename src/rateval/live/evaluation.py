"""A live model on given images: planned, run and recorded as a study is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, cast

import torch
from typing_extensions import get_protocol_members

from rateval.api.protocols import Model
from rateval.engine.runner import Runner
from rateval.errors import Problem, RatevalError, SpecError
from rateval.live.arguments import read_data
from rateval.live.components import CALL, GIVEN, with_given
from rateval.live.decision import GivenDecision, HeadOn, check_head, require_logits
from rateval.live.identity import digest_model
from rateval.live.surroundings import borrowed, device_of
from rateval.live.wrapping import wrap
from rateval.machine.device import resolve_device
from rateval.plan.checks.edits import TABLE
from rateval.plan.expanding import AXES
from rateval.plan.parts import Parts, list_entries
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.progress import Reporter
from rateval.records.run import RunRecord
from rateval.registry.registry import Registry
from rateval.spec.document import Document
from rateval.wording import describe
from rateval.workbench.bench import Given

_ARGUMENTS = {
    "attribution": "attributions",
    "evidence": "validators",
    "metric": "metrics",
    "shift": "shifts",
}
"""Table of a spec to the argument that stands for it."""

_LEFT_OUT: Mapping[str, Sequence[str]] = {
    "evidence": ("relevance-mass",),
    "metric": ("accuracy", "pt", "ir"),
}
"""Table of a spec to what stands in it where its argument is left out."""
_OF_EDITS: Mapping[str, Sequence[str]] = {
    "evidence": ("counterfactual",),
    "metric": ("right-for-the-object", "looks-right-is-not"),
}
"""What stands in it as well where answers to edits are asked for."""


def evaluate(
    model: object,
    data: tuple[Any, Any, Any, Any],
    head: object,
    head_on: HeadOn,
    parts: Mapping[str, Parts | None],
    edits: object,
    options: Mapping[str, Any],
    *,
    into: str,
    name: str,
    seed: int,
    registry: Registry,
    reporter: Reporter,
) -> RunRecord:
    """Run and record. ``data`` are images, labels, masks and classes, ``parts`` tables of a spec.

    ``edits`` is ``[counterfactual]``, or whether there is such a table.
    Raises SpecError and RatevalError for what is wrong with the arguments, before anything is
    computed, and RatevalError when nothing could be computed.
    """
    model = _take_model(model, registry)
    given_head = check_head(head, head_on)
    asked = _list_edits(edits)
    listed = {
        table: list_entries(
            CALL, _ARGUMENTS[table], _left_out(table, asked) if entries is None else entries
        )
        for table, entries in parts.items()
        if entries is not None or table != "shift"
    }
    tests = 1 + sum(map(_count_shifts, listed.get("shift", ())))
    passes = tests * len(listed["attribution"]) + (_PASSES_OF_EDITS if asked else 0)
    dataset, readers = read_data(*data, passes=passes)
    decision = GivenDecision(given_head, head_on)
    if "output" in options:
        raise RatevalError(f"{CALL}: output: is called into here")
    run = {"device": device_of(model.module), **options, "output": into}
    if readers:
        run["readers"] = readers
    decides = given_head is not None or not getattr(model, "has_text", True)
    document = _write_spec(
        model, decision if decides else None, {**listed, **asked}, run, name, seed
    )
    plan = make_plan(document, with_given(registry))
    device = resolve_device(plan.spec.run.device)
    with borrowed([model.module, *([given_head] if given_head else [])], device):
        given = {"dataset": Given(dataset, dataset.test.identity)}
        if decides:
            given["finetune"] = Given(decision, decision.digest)
            classifier = decision.fit(model, None, dataset.classes, None)  # type: ignore[arg-type]
            require_logits(classifier, dataset.classes, device)
        given["model"] = Given(model, digest_model(model, dataset.classes))
        return _require_results(_run(plan, registry, reporter, given))


def _run(
    plan: Plan, registry: Registry, reporter: Reporter, given: Mapping[str, Given]
) -> RunRecord:
    return Runner(plan, registry, reporter, given=given).run()


def _take_model(model: object, registry: Registry) -> Model:
    """Return a model, or a module wrapped. Raises RatevalError for anything else."""
    lacking = sorted(name for name in get_protocol_members(Model) if not hasattr(model, name))
    if lacking and isinstance(model, torch.nn.Module):
        return wrap(model, None, None, None, None, None, registry)
    if lacking:
        raise RatevalError(
            f"{CALL}: model is {describe(model)}, which lacks {', '.join(lacking)}; give a "
            "torch.nn.Module, or what rateval.wrap or rateval.create returns"
        )
    return cast(Model, model)


_PASSES_OF_EDITS = 2
"""How often edits read images: for the backgrounds that they lend, and to be edited."""


def _count_shifts(entry: Mapping[str, Any]) -> int:
    """Return how many shifts an entry stands for: lists in it are a grid."""
    return prod(len(entry[axis]) for axis in AXES if isinstance(entry.get(axis), list))


def _list_edits(given: object) -> dict[str, dict[str, Any]]:
    """Return ``[counterfactual]`` as it was asked for, or no table. Raises SpecError."""
    if isinstance(given, bool):
        return {TABLE: {}} if given else {}
    if isinstance(given, Mapping):
        return {TABLE: dict(given)}
    asked = 'give True, or a dict with keys of a spec\'s table, such as {"donors": 2}'
    raise SpecError([Problem(f"{CALL}: {TABLE}", f"is {describe(given)}; {asked}")])


def _left_out(table: str, edits: Mapping[str, object]) -> list[str]:
    return [*_LEFT_OUT.get(table, ()), *(_OF_EDITS.get(table, ()) if edits else ())]


def _write_spec(
    model: Model,
    decision: GivenDecision | None,
    parts: Mapping[str, Any],
    run: Mapping[str, Any],
    name: str,
    seed: int,
) -> Document:
    kind = type(model.module)
    what = f"{kind.__module__}.{kind.__qualname__}"
    method: dict[str, Any] = {"use": "zs", "name": "prompts"}
    if decision is not None:
        head = type(decision.head).__qualname__ if decision.head is not None else "its own logits"
        method = {"use": GIVEN, "name": "head" if decision.head else "own", "what": head}
    data: dict[str, Any] = {
        "study": {"name": "evaluate", "seed": seed},
        "dataset": [{"use": GIVEN, "name": "images", "what": "images, labels and masks"}],
        "model": [{"use": GIVEN, "name": name or kind.__name__, "what": what}],
        "finetune": [method],
        **parts,
        "run": dict(run),
    }
    return Document(CALL, data, "")


def _require_results(record: RunRecord) -> RunRecord:
    """Return a record. Raises RatevalError with the reasons when it holds no cell."""
    if record.cells:
        return record
    reasons = "; ".join(dict.fromkeys(failure.error for failure in record.failures))
    raise RatevalError(f"{CALL}: nothing could be computed: {reasons}; see {record.path}")
