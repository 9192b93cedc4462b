"""From RunSpec and registry to Plan: components found, params checked, cells laid out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rateval.errors import Problem, SpecError
from rateval.plan.cells import Cell, Choice, count_cells, describe_grid, find_shared, lay_out
from rateval.plan.checks.absent import find_absent, find_absent_of_cells
from rateval.plan.checks.edits import find_unedited, find_unpaintable
from rateval.plan.checks.unfit import find_unfit
from rateval.plan.choosing import choose_default, choose_in
from rateval.plan.expanding import choose_each, find_same
from rateval.plan.plan import Plan
from rateval.plan.posing import cluster_by_task, find_misposed, list_tasks, pose
from rateval.plan.published import AAAI25, Protocol, Publication
from rateval.plan.train_shifts import find_unknown, link
from rateval.registry.registry import Registry
from rateval.spec.checking import check_spec, readable_entries
from rateval.spec.document import Document
from rateval.spec.tables import TABLES, Entry, Place, RunSpec, place_of


def make_plan(
    document: Document,
    registry: Registry,
    protocol: Protocol | None = None,
    *,
    look: bool = True,
) -> Plan:
    """Check a spec and all its components' params. Raises SpecError with every problem at once.

    ``protocol`` takes the place of the study's own, and prevails over the params of the spec.
    Whether what the params name is on disk is left open unless it is to ``look``.
    """
    spec, problems = check_spec(document)
    chosen = _choose_all(document, registry, problems, look=look)
    problems += find_unpaintable(document)
    if spec is None or problems:
        raise SpecError(dict.fromkeys(problems))  # what a shift's combinations share is told once
    chosen += [
        _Chosen(place_of(table, index), entry, choose_default(table, entry.use, registry))
        for table in TABLES  # what a spec leaves out comes from the defaults of RunSpec
        if table not in document.data
        for index, entry in enumerate(spec.entries(table))
    ]
    misposed = find_misposed(document, [(found.at, found.choice) for found in chosen], registry)
    if told := list(misposed) or list(_find_unfit(document, spec, chosen, registry)):
        raise SpecError(told)
    if protocol is not None:
        study = spec.study.model_copy(update={"protocol": protocol})
        spec = spec.model_copy(update={"study": study})
    if spec.study.protocol == AAAI25:
        plan = _publish(document, spec, chosen, registry, prevails=protocol is not None)
    else:
        plan = _lay_out(document, spec, chosen, registry)
    absent = [
        problem
        for found in chosen
        if look and found.choice.per_cell
        for problem in find_absent_of_cells(document, found.at, found.choice.label, plan.cells)
    ]
    if absent:
        raise SpecError(absent)
    return replace(plan, forced=protocol)


@dataclass(frozen=True, slots=True)
class _Chosen:
    at: Place
    entry: Entry
    choice: Choice


def _find_unfit(
    document: Document, spec: RunSpec, chosen: Sequence[_Chosen], registry: Registry
) -> Iterator[Problem]:
    placed = [(found.at, found.choice) for found in chosen]
    return find_unfit(document, spec, placed, partial(choose_default, "task", registry=registry))


def _choose_all(
    document: Document, registry: Registry, problems: list[Problem], *, look: bool
) -> list[_Chosen]:
    """Return what the entries of a document stand for; what is wrong is added to ``problems``."""
    chosen: list[_Chosen] = []
    wrong: set[str | int] = set()
    entries = readable_entries(document)
    for at, entry in entries:
        for made in choose_each(document, at, entry, registry):
            if isinstance(made, Problem):
                problems.append(made)
                wrong.add(at[0])
                continue
            chosen.append(_Chosen(at, *made))
            problems += find_absent(document, at, chosen[-1].choice) if look else []
            problems += find_unedited(document, at, chosen[-1].choice)
    problems += find_same(document, [(found.at, found.choice) for found in chosen])
    if "shift" not in wrong:  # what is left of them would make false claims
        shifts = [found.choice for found in chosen if found.at[0] == "shift"]
        problems += find_unknown(document, entries, shifts)
    return chosen


def _publish(
    document: Document,
    spec: RunSpec,
    chosen: Sequence[_Chosen],
    registry: Registry,
    *,
    prevails: bool,
) -> Plan:
    choose = partial(choose_in, document, registry=registry)
    publication = Publication(document, spec.finetune, choose, prevails=prevails)
    published = [
        replace(found, choice=choice)
        for found in chosen
        for choice in publication.publish(found.at, found.entry, found.choice)
    ]
    if publication.problems:
        raise SpecError(publication.problems)
    return _lay_out(document, spec, published, registry, publication.differences)


def _lay_out(
    document: Document,
    spec: RunSpec,
    chosen: Sequence[_Chosen],
    registry: Registry,
    differences: Sequence[str] = (),
) -> Plan:
    made = {
        table: tuple(found.choice for found in chosen if found.at[0] == table) for table in TABLES
    }
    shifts = {choice.label: choice for choice in made["shift"]}
    tasks = {choice.registered.component.name: choice for choice in made["task"]}
    default = partial(choose_default, "task", registry=registry)
    made["dataset"] = tuple(
        pose(link(found.choice, found.entry, shifts), tasks, default)
        for found in chosen
        if found.at[0] == "dataset"
    )
    made["task"] = list_tasks(made["task"], made["dataset"])
    spec = cluster_by_task(spec, [choice.task for choice in made["dataset"]])
    seeds = spec.study.all_seeds
    count = count_cells(made, seeds)
    if count > spec.run.max_cells:
        raise SpecError([_explain_count(document, count, describe_grid(made, seeds), spec)])
    cells = tuple(lay_out(made, seeds))
    shared = find_shared(cells)
    if shared is not None:
        raise SpecError([_explain_shared(document, made["attribution"], *shared)])
    return Plan(document, spec, made, cells, tuple(differences))


def _explain_count(document: Document, count: int, grid: str, spec: RunSpec) -> Problem:
    where = document.origins.get("max_cells", f"{document.name}: run.max_cells")
    return Problem(
        f"{where} = {spec.run.max_cells}",
        f"the study has {count:,} cells = {grid}; leave some out, or allow as many with "
        f"--set max_cells={count}",
    )


def _explain_shared(
    document: Document, attributions: Sequence[Choice], one: Cell, other: Cell
) -> Problem:
    labels = [choice.label for choice in attributions]
    at = ("attribution", labels.index(one.attribution.label))
    return Problem(
        document.where(at, value=False),
        f"gives {one.label} and {other.label} the same params, but its maps belong to one cell; "
        "write {dataset}, {model}, {finetune}, {shift} or {seed} where the cell's label belongs, "
        "such as maps/{model}/{finetune}.npz",
    )
