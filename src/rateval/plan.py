"""From RunSpec and registry to Plan: components found, params checked, cells laid out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rateval.catalogue import explain_missing, explain_unknown
from rateval.errors import PluginError, Problem, SpecError
from rateval.explain import explain_error, explain_unknown_key, locate
from rateval.params import Params
from rateval.plugins import Registered, Registry
from rateval.reference import follow
from rateval.spec import TABLES, Document, Entry, RunSpec, check_spec, readable_entries

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold a component with its checked params, under the label that reports show."""

    label: str
    registered: Registered
    params: Params

    def describe(self) -> dict[str, Any]:
        """Return what of this choice determines results, as JSON values, its digest aside."""
        component, plugin = self.registered.component, self.registered.plugin
        return {
            "kind": self.registered.kind,
            "component": component.name,
            "version": component.version,
            "distribution": f"{plugin.distribution} {plugin.version}",
            "params": self.params.model_dump(mode="json"),
        }


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold one point of the grid; its stages depend on nothing outside it."""

    dataset: Choice
    model: Choice
    finetuner: Choice
    shift: Choice | None
    attribution: Choice

    @property
    def test_key(self) -> tuple[int, ...]:
        """Name what cells have in common that differ in their fine-tuning only."""
        return (id(self.dataset), id(self.model), id(self.shift), id(self.attribution))

    @property
    def label(self) -> str:
        """Name this cell in messages."""
        shift = f", {self.shift.label}" if self.shift else ""
        return f"{self.model.label} · {self.finetuner.label} on {self.dataset.label}{shift}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold everything that a run is going to do."""

    document: Document
    spec: RunSpec
    choices: Mapping[str, tuple[Choice, ...]]
    """Table of the spec to its choices."""
    cells: tuple[Cell, ...]

    @property
    def all_choices(self) -> list[Choice]:
        """Every choice of every table."""
        return [choice for choices in self.choices.values() for choice in choices]

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


def make_plan(document: Document, registry: Registry) -> Plan:
    """Check a spec and all its components' params. Raises SpecError with every problem at once."""
    spec, problems = check_spec(document)
    choices: dict[str, list[Choice]] = {table: [] for table in TABLES}
    for table, index, entry in readable_entries(document):
        choice = _choose(document, (table, index), entry, registry)
        if isinstance(choice, Choice):
            choices[table].append(choice)
        else:
            problems += choice
    if spec is None or problems:
        raise SpecError(problems)
    for table in TABLES:  # what a spec leaves out comes from the defaults of RunSpec
        if table not in document.data:
            choices[table] = [
                choose_default(table, entry.use, registry) for entry in spec.entries(table)
            ]
    return Plan(
        document, spec, {table: tuple(made) for table, made in choices.items()}, _cells(choices)
    )


def _cells(choices: Mapping[str, Sequence[Choice]]) -> tuple[Cell, ...]:
    shifts: list[Choice | None] = [None, *choices["shift"]]
    grid = product(
        # Models and methods vary slowest, so that a trained classifier serves all its test sets.
        choices["model"],
        choices["finetune"],
        choices["dataset"],
        shifts,
        choices["attribution"],
    )
    return tuple(
        Cell(dataset, model, finetuner, shift, attribution)
        for model, finetuner, dataset, shift, attribution in grid
    )


def choose_default(table: str, name: str, registry: Registry) -> Choice:
    """Choose a component with its default params. Raises SpecError when that is not possible."""
    document = Document("default", {table: [{"use": name}]}, "")
    choice = _choose(document, (table, 0), Entry(use=name), registry)
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
    """Keep the first error of each key: a union reports once per member, and one says enough."""
    seen: dict[str, ErrorDetails] = {}
    for details in error.errors():
        seen.setdefault(locate(params, details["loc"])[0], details)
    return list(seen.values())


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
