"""From RunSpec and registry to Plan: components found, params checked, cells laid out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rateval.api.params import Params
from rateval.errors import PluginError, Problem, SpecError
from rateval.plan.cells import Cell, Choice, find_shared, lay_out
from rateval.plan.published import AAAI25, Protocol, Publication
from rateval.registry.catalogue import explain_missing, explain_unknown
from rateval.registry.discovery import Registered, Registry
from rateval.registry.references import follow
from rateval.spec.explain import explain_error, explain_unknown_key, locate
from rateval.spec.tables import TABLES, Document, Entry, RunSpec, check_spec, readable_entries

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold everything that a run is going to do."""

    document: Document
    spec: RunSpec
    choices: Mapping[str, tuple[Choice, ...]]
    """Table of the spec to its choices."""
    cells: tuple[Cell, ...]
    differences: tuple[str, ...] = ()
    """Sentences on what the study's protocol changes; none for ``matched``."""

    @property
    def all_choices(self) -> list[Choice]:
        """Every choice of every table."""
        return [choice for choices in self.choices.values() for choice in choices]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the study, one or several."""
        return self.spec.study.all_seeds

    def seeds_of(self, choice: Choice) -> tuple[int | None, ...]:
        """Return the seeds that there is an object of a choice for; None is any."""
        return self.seeds if choice.seeded else (None,)

    @property
    def datasets(self) -> tuple[Choice, ...]:
        """What to train and test on."""
        return self.choices["dataset"]

    @property
    def validators(self) -> tuple[Choice, ...]:
        """How to judge each cell's relevance maps."""
        return self.choices["evidence"]

    @property
    def metrics(self) -> tuple[Choice, ...]:
        """What to count."""
        return self.choices["metric"]


def make_plan(document: Document, registry: Registry, protocol: Protocol | None = None) -> Plan:
    """Check a spec and all its components' params. Raises SpecError with every problem at once.

    ``protocol`` takes the place of the study's own, and prevails over the params of the spec.
    """
    spec, problems = check_spec(document)
    chosen: list[_Chosen] = []
    for table, index, entry in readable_entries(document):
        choice = _choose(document, (table, index), entry, registry)
        if isinstance(choice, Choice):
            chosen.append(_Chosen((table, index), entry, choice))
        else:
            problems += choice
    if spec is None or problems:
        raise SpecError(problems)
    chosen += [
        _Chosen((table, index), entry, choose_default(table, entry.use, registry))
        for table in TABLES  # what a spec leaves out comes from the defaults of RunSpec
        if table not in document.data
        for index, entry in enumerate(spec.entries(table))
    ]
    if protocol is not None:
        study = spec.study.model_copy(update={"protocol": protocol})
        spec = spec.model_copy(update={"study": study})
    if spec.study.protocol == AAAI25:
        return _publish(document, spec, chosen, registry, prevails=protocol is not None)
    return _lay_out(document, spec, chosen)


@dataclass(frozen=True, slots=True)
class _Chosen:
    at: tuple[str, int]
    entry: Entry
    choice: Choice


def _publish(
    document: Document,
    spec: RunSpec,
    chosen: Sequence[_Chosen],
    registry: Registry,
    *,
    prevails: bool,
) -> Plan:
    choose = partial(_choose, document, registry=registry)
    publication = Publication(document, spec.finetune, choose, prevails=prevails)
    published = [
        replace(found, choice=choice)
        for found in chosen
        for choice in publication.publish(found.at, found.entry, found.choice)
    ]
    if publication.problems:
        raise SpecError(publication.problems)
    return _lay_out(document, spec, published, publication.differences)


def _lay_out(
    document: Document, spec: RunSpec, chosen: Sequence[_Chosen], differences: Sequence[str] = ()
) -> Plan:
    made = {
        table: tuple(found.choice for found in chosen if found.at[0] == table) for table in TABLES
    }
    cells = tuple(lay_out(made, spec.study.all_seeds))
    shared = find_shared(cells)
    if shared is not None:
        raise SpecError([_explain_shared(document, made["attribution"], *shared)])
    return Plan(document, spec, made, cells, tuple(differences))


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


def choose_default(table: str, name: str, registry: Registry) -> Choice:
    """Choose a component with its default params. Raises SpecError when that is not possible."""
    return choose(table, Entry(use=name), registry, "default")


def choose(table: str, entry: Entry, registry: Registry, origin: str) -> Choice:
    """Choose a component by one entry of a table, which messages say is in ``origin``.

    Raises SpecError when that is not possible.
    """
    values = {"use": entry.use, "name": entry.label} | entry.params
    document = Document(origin, {table: [values]}, "")
    choice = _choose(document, (table, 0), entry, registry)
    if not isinstance(choice, Choice):
        raise SpecError(choice)
    return choice


def _choose(
    document: Document, at: tuple[str, int], entry: Entry, registry: Registry
) -> Choice | list[Problem]:
    kind = TABLES[at[0]]
    found = registry.find(kind, entry.use)
    if found is None:
        advice = explain_unknown(kind, entry.use, registry)
        return [Problem(document.where((*at, "use"), value=True), advice)]
    missing = explain_missing(found)
    if missing is not None:
        return [Problem(document.where((*at, "use"), value=True), missing)]
    try:
        return Choice(entry.label, found, parse_params(found, entry.params))
    except ValidationError as error:
        model = params_class(found)
        return [
            Problem(
                document.where((*at, *details["loc"]), value=details["type"] != "extra_forbidden"),
                explain_param(details, model, found, ("use", "name")),
            )
            for details in one_per_key(error, entry.params)
        ]


def one_per_key(error: ValidationError, params: Mapping[str, Any]) -> list[ErrorDetails]:
    """Keep one error of each key: a union reports once per member, and one says enough.

    That is the first one about a bound, from the member that the value was meant for, else the
    first one.
    """
    seen: dict[str, ErrorDetails] = {}
    for details in error.errors():
        key = locate(params, details["loc"])[0]
        if key not in seen or (_is_of_another_kind(seen[key]) > _is_of_another_kind(details)):
            seen[key] = details
    return list(seen.values())


def _is_of_another_kind(details: ErrorDetails) -> bool:
    return details["type"] == "literal_error" or details["type"].endswith("_type")


def explain_param(
    details: ErrorDetails, model: type[Params], found: Registered, besides: Sequence[str] = ()
) -> str:
    """Say what is wrong with a param, what is allowed, and where to read more.

    ``besides`` are keys that are allowed in the same place without being params.
    """
    if details["type"] == "extra_forbidden" and len(details["loc"]) == 1:
        return explain_unknown_key(str(details["loc"][0]), [*besides, *model.model_fields])
    text = explain_error(details, model)
    return f"{text}; see rateval show {found.kind} {found.component.name}"


def parse_params(found: Registered, values: Mapping[str, Any]) -> Params:
    """Check the params of a spec. Raises pydantic's ValidationError."""
    # Strict, so that "5" is not taken for 5; through JSON, where lists and paths are natural.
    text = json.dumps(dict(values), default=str)
    return params_class(found).model_validate_json(text, strict=True)


def params_class(found: Registered) -> type[Params]:
    """Import the params model of a component. Raises PluginError when it is not one."""
    model = load_reference(found, "params")
    if not (isinstance(model, type) and issubclass(model, Params)):
        raise PluginError(
            f'{found.plugin}: params of the {found.kind} "{found.component.name}" are {model!r}, '
            "not a subclass of rateval.api.Params"
        )
    return model


def load_reference(found: Registered, name: str) -> Any:
    """Import what a component's ``factory``, ``params`` or ``digest`` names.

    Raises PluginError when it cannot be imported.
    """
    reference = getattr(found.component, name)
    try:
        return follow(reference)
    except Exception as error:
        raise PluginError(
            f'{found.plugin}: the {found.kind} "{found.component.name}" names {name} = '
            f'"{reference}", which cannot be imported: {type(error).__name__}: {error}'
        ) from error
