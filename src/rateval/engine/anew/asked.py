"""What a run is scored by anew: the judges, metrics and statistics that take its own's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import ValidationError

from rateval.checkpoints.restore import resolve
from rateval.engine.anew.standins import TAKEN, choose_stored
from rateval.errors import Problem, RatevalError, SpecError
from rateval.plan.cells import Choice
from rateval.plan.choosing import choose_default, choose_in, explain_param, one_per_key
from rateval.plan.plan import Plan
from rateval.plan.published import AAAI25, Publication
from rateval.records.run import RunRecord
from rateval.registry.references import params_class, parse_params
from rateval.registry.registry import Registry
from rateval.spec.checking import check_spec, readable_entries
from rateval.spec.document import Document
from rateval.spec.rescoring import Rescoring, read_rescoring
from rateval.spec.tables import TABLES, Entry, RunSpec
from rateval.store.remote.mirror import name_place

_JUDGES = ("evidence", "metric")
_AS_IT_WAS = frozenset(RunSpec.model_fields) - TABLES.keys()
"""Tables of a spec that a record has in the shape of the TOML."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is to be scored by; what is left out is as in the run."""

    name: str
    """What was called, as messages and records have it."""
    documents: Sequence[Document] = ()
    """Tables of a spec, from a file and from a call; none may be in both."""
    add: bool = False
    """Whether validators and metrics stand beside those of the run, not in their place."""
    threshold: object = None
    """Of the run's own validators, those that have one."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Keys of ``[run]`` that change no result: device, output."""
    words: tuple[str, ...] = ()
    """The options, as they were written on a command line."""


def merge(asked: Asked) -> dict[str, tuple[Document, Rescoring]]:
    """Return each table that is asked for, with where it stands, checked.

    Raises SpecError where a table is in two places, or is none that a run is scored by.
    """
    found: dict[str, tuple[Document, Rescoring]] = {}
    for document in asked.documents:
        tables = read_rescoring(document)
        for table in document.data:
            if table in found:
                first = found[table][0].name
                raise SpecError(
                    [Problem(f"{document.name}: {table}", f"is in {first} too; leave one out")]
                )
            found[table] = document, tables
    return found


def plan_anew(record: RunRecord, asked: Asked, registry: Registry) -> Plan:
    """Return the plan of a run with other judges, without cells.

    Raises SpecError with every problem of what is asked for.
    """
    tables = merge(asked)
    if not tables and asked.threshold is None:
        raise RatevalError(
            f"{asked.name}: nothing to score by; give evidence, a metric, a threshold or a "
            "statistic that the run doesn't have"
        )
    if asked.add and tables.keys().isdisjoint(_JUDGES):
        raise RatevalError(f"{asked.name}: add: nothing to add; give evidence or a metric, too")
    data = _describe(record, tables, asked)
    # Those of the run itself aren't told: none of it is to leave this computer because a record
    # names a server, and their libraries may be gone.
    trackers = tuple(_choose(record, "tracker", tables, registry, []))
    judges: dict[str, tuple[Choice, ...]] = {}
    differences: list[str] = []
    for table in _JUDGES:
        given = list(_choose(record, table, tables, registry, differences))
        kept = [] if given and not asked.add else list(_keep(record, table, registry))
        judges[table] = (*kept, *given)
    if asked.threshold is not None:
        judges["evidence"] = _set_threshold(judges["evidence"], tables, asked)
    for table, choices in (*judges.items(), ("tracker", trackers)):
        data[table] = [{"use": choice.registered.use, "name": choice.label} for choice in choices]
    document = Document(asked.name, data, "")
    spec, problems = check_spec(document)
    problems += _find_unedited(record, judges, document)
    if spec is None or problems:
        raise SpecError(problems)
    stored = {table: choose_stored(record, table) for table in TAKEN}
    executor = (choose_default("executor", "local", registry),)
    told = dict.fromkeys((*record.differences, *differences))
    made = {**stored, **judges, "executor": executor, "tracker": trackers}
    return Plan(document, spec, made, (), tuple(told))


def _describe(
    record: RunRecord, tables: Mapping[str, tuple[Document, Rescoring]], asked: Asked
) -> dict[str, Any]:
    """Return the run's spec, shaped like the TOML, with the tables that are no lists replaced."""
    resolved = record.spec_resolved
    data: dict[str, Any] = {table: dict(resolved[table]) for table in _AS_IT_WAS & resolved.keys()}
    for table in TAKEN:
        # As published, an attribution is there once for each depth, under one label.
        labels = dict.fromkeys(entry["name"] for entry in resolved.get(table, ()))
        data[table] = [{"use": "stored", "name": label} for label in labels]
    # No image is read, so that none can be drawn; every result that is there is taken.
    data["report"] = data.get("report", {}) | {"pictures": 0}
    output = name_place(record.path.parent)
    run = data.get("run", {}) | {"reuse": True, "output": output} | asked.options
    data["run"] = run if run.get("limit") is not None else _without(run, "limit", "limit_by")
    if "statistics" in tables:
        given = tables["statistics"][1].statistics
        data["statistics"] = data.get("statistics", {}) | given.model_dump(exclude_unset=True)
    data["statistics"] = {k: v for k, v in data.get("statistics", {}).items() if v is not None}
    if "counterfactual" in tables:
        where, asks = tables["counterfactual"]
        if "counterfactual" not in data or asks.counterfactual is None:
            raise SpecError([Problem(f"{where.name}: counterfactual", _no_edits(record))])
        data["counterfactual"] |= {"keep": asks.counterfactual.keep}
    return data


def _without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def _choose(
    record: RunRecord,
    table: str,
    tables: Mapping[str, tuple[Document, Rescoring]],
    registry: Registry,
    differences: list[str],
) -> Iterator[Choice]:
    """Yield the components that are asked for. Raises SpecError with every problem of them."""
    if table not in tables:
        return
    document = tables[table][0]
    entries = [(at, entry) for at, entry in readable_entries(document) if at[0] == table]
    problems: list[Problem] = []
    for at, entry in entries:
        found = choose_in(document, at, entry, registry)
        if not isinstance(found, Choice):
            problems += found
        elif record.protocol != AAAI25:
            yield found
        else:
            choose = partial(choose_in, document, registry=registry)
            told = replace(document, data=document.data | {"study": {"protocol": AAAI25}})
            publication = Publication(told, (), choose, prevails=False)
            yield from publication.publish(at, entry, found)
            problems += publication.problems
            differences += publication.differences
    if problems:
        raise SpecError(problems)


def _keep(record: RunRecord, table: str, registry: Registry) -> Iterator[Choice]:
    for label in record.labels(table):
        try:
            yield resolve(record, table, label, registry)
        except RatevalError as error:
            raise RatevalError(
                f"{error}\n{record.place} had it; name others with --{table}, which take its place"
            ) from None


def _set_threshold(
    validators: Sequence[Choice], tables: Mapping[str, object], asked: Asked
) -> tuple[Choice, ...]:
    where = f"{asked.name}: threshold = {asked.threshold}"
    if "evidence" in tables:
        advice = "with evidence write it there: relevance-mass:threshold=0.3"
        raise SpecError([Problem(where, f"is for the validators of the run itself; {advice}")])
    able = [one for one in validators if "threshold" in params_class(one.registered).model_fields]
    if not able:
        labels = ", ".join(choice.label for choice in validators)
        advice = "name one that has, such as relevance-mass:threshold=0.3, as evidence"
        raise SpecError([Problem(where, f"no validator of the run ({labels}) has one; {advice}")])
    return tuple(
        _with_threshold(one, asked.threshold, where) if one in able else one for one in validators
    )


def _with_threshold(choice: Choice, threshold: object, where: str) -> Choice:
    values = choice.params.model_dump(mode="json", exclude_unset=True) | {"threshold": threshold}
    entry = Entry.model_validate({"use": choice.registered.use, "name": choice.label} | values)
    document = Document(where, {"evidence": [{"use": entry.use} | values]}, "")
    try:
        params = parse_params(choice.registered, entry.params, document.folder)
    except ValidationError as error:
        model = params_class(choice.registered)
        raise SpecError(
            Problem(where, f"{choice.label}: {explain_param(details, model, choice.registered)}")
            for details in one_per_key(error, entry.params)
        ) from None
    return replace(choice, params=params)


def _find_unedited(
    record: RunRecord, judges: Mapping[str, Sequence[Choice]], document: Document
) -> Iterator[Problem]:
    """Yield a problem for each judge that needs answers to edits, where the run made none."""
    if "counterfactual" in record.spec_resolved:
        return
    for table, choices in judges.items():
        for at, choice in enumerate(choices):
            if choice.by_edits:
                where = document.where((table, at, "use"), value=True)
                yield Problem(where, f"needs predictions under edits; {_no_edits(record)}")


def _no_edits(record: RunRecord) -> str:
    return (
        f"{record.place} asked its model about no edited image; add [counterfactual] to its spec "
        f"(docs/counterfactual.md) and run that: {record.command}"
    )
