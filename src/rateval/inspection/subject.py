"""What a person asks to have looked over: the datasets of a spec, or ones written out."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from rateval.api.kinds import Kind
from rateval.errors import RatevalError, SpecError
from rateval.plan.cells import Choice
from rateval.plan.checks.absent import find_absent
from rateval.plan.choosing import choose, choose_default
from rateval.plan.planning import make_plan
from rateval.registry.finding import find_component
from rateval.registry.references import params_class
from rateval.registry.registry import Registered, Registry
from rateval.spec.document import Document, read_document
from rateval.spec.tables import Entry, place_of
from rateval.wording import list_some, suggest

NO_MODEL = "none"
"""In place of a model's name: the usual view."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Datasets, the models whose views of them count, and the seed that they are made with."""

    datasets: tuple[Choice, ...]
    models: tuple[Choice, ...]
    seed: int = 0


def find_subject(
    words: Sequence[str], registry: Registry, *, only: str | None = None, model: str | None = None
) -> Subject:
    """Return what ``words`` ask for: a spec, or components such as ``folder root=photos``.

    ``only`` is the label of one dataset of a spec; ``model`` that of one of its models, a component
    where there is no spec, or "none". Raises RatevalError for anything else.
    """
    first = Path(words[0])
    if is_spec(words[0]):
        if len(words) > 1:
            raise RatevalError(
                f"{words[1]}: a spec says everything of its datasets; give {words[0]} alone, or a "
                "dataset with its params in place of it"
            )
        return _read_spec(first, registry, only, model)
    if only is not None:
        raise RatevalError(f"--dataset {only}: chooses among the datasets of a spec; leave it out")
    datasets = tuple(_choose(name, params, registry) for name, params in _divide(words))
    _require_labels(datasets)
    if model in (None, NO_MODEL):
        return Subject(datasets, ())
    assert model is not None
    find("model", model, registry, f"--model {model}")
    return Subject(datasets, (choose_default("model", model, registry),))


def is_spec(word: str) -> bool:
    """Return whether a word of the command line names a spec, not a component.

    >>> is_spec("study.toml"), is_spec("shapes")
    (True, False)
    """
    path = Path(word)
    return word.endswith(".toml") or (path.is_file() and path.suffix != ".py")


def _read_spec(path: Path, registry: Registry, only: str | None, model: str | None) -> Subject:
    plan = make_plan(read_document(path), registry)
    datasets, models = plan.datasets, plan.choices["model"]
    if only is not None:
        datasets = _among(datasets, only, f"{path}: --dataset {only}")
    if model == NO_MODEL:
        models = ()
    elif model is not None:
        models = _among(models, model, f"{path}: --model {model}")
    return Subject(datasets, models, plan.seeds[0])


def _among(choices: Sequence[Choice], label: str, where: str) -> tuple[Choice, ...]:
    found = tuple(choice for choice in choices if choice.label == label)
    if not found:
        hint = suggest(label, [choice.label for choice in choices])
        raise RatevalError(f"{where}: the spec has none of that label; {hint}")
    return found


def _divide(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return each component with the params that follow it.

    >>> _divide(["folder", "root=a", "cub200", "root=b"])
    [('folder', ['root=a']), ('cub200', ['root=b'])]
    """
    found: list[tuple[str, list[str]]] = []
    for word in words:
        if "=" not in word:
            found.append((word, []))
        elif found:
            found[-1][1].append(word)
        else:
            raise RatevalError(
                f"{word}: name the dataset first, such as folder {word}; see rateval list dataset"
            )
    return found


def _choose(name: str, params: Sequence[str], registry: Registry) -> Choice:
    folder = f"; for photos in class folders write folder root={name}"
    registered = find("dataset", name, registry, name, folder if Path(name).is_dir() else "")
    values: dict[str, Any] = {}
    for word in params:
        key, _, text = word.partition("=")
        if key in values:
            raise RatevalError(f"{word}: {key} is given twice; {name} takes it once")
        values[key] = read_param(registered, key, text)
    entry = Entry.model_validate({"use": name} | {k: v for k, v in values.items() if k != "use"})
    choice = choose("dataset", entry, registry, "command line")
    document = Document("command line", {"dataset": [values]}, "")
    absent = find_absent(document, place_of("dataset", 0), choice)
    if absent:
        raise SpecError(absent)
    return choice


def find(kind: Kind, use: str, registry: Registry, where: str, hint: str = "") -> Registered:
    """Return a component as a spec in the current folder would name it."""
    try:
        return find_component(kind, use, registry, Path())
    except RatevalError as error:
        raise RatevalError(f"{where}: {error}{hint}") from None


def read_param(registered: Registered, key: str, text: str) -> object:
    """Return the value of a param on the command line: TOML, or text where the param takes text.

    So ``root=2024`` is the folder 2024, and ``classes=["a", "b"]`` a list.
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return text
    if isinstance(value, str | list | dict):
        return value
    field = params_class(registered).model_fields.get(key)
    kinds = _kinds_of(field.annotation) if field else set()
    return text if kinds & {str, Path} and not kinds & {int, float, bool} else value


def _kinds_of(annotation: Any) -> set[Any]:
    """Return the types that stand in an annotation, those in a union or an Annotated included."""
    inner = [one for one in get_args(annotation) if isinstance(one, type) or get_args(one)]
    if not inner:
        return {annotation}
    return set().union(*(_kinds_of(one) for one in inner))


def _require_labels(datasets: Sequence[Choice]) -> None:
    labels = [choice.label for choice in datasets]
    twice = [label for label in dict.fromkeys(labels) if labels.count(label) > 1]
    if twice:
        raise RatevalError(
            f"{list_some(twice)}: is given twice, and results could not be told apart; tell them "
            "apart by name=…, such as name=old"
        )
