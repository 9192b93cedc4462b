"""The classifiers that a run has stored: found, and rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api.component import Context
from rateval.api.protocols import Classifier, Model
from rateval.api.training import Finetuner
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.plan.choosing import choose
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.registry.finding import find_component
from rateval.registry.python_file import read_file
from rateval.registry.references import params_class
from rateval.registry.registry import Registry
from rateval.spec.tables import TABLES, Entry
from rateval.stages.finetune import restore
from rateval.store.manifest import read_manifest
from rateval.wording import list_some
from rateval.workbench.build import build, determine

OPTIONS = ("model", "finetune", "dataset", "seed")
"""What tells the classifiers of a run apart; an option of the command each."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A classifier that was rebuilt, and where it comes from."""

    classifier: Classifier
    classes: tuple[str, ...]
    model: Choice
    finetuner: Choice
    identity: str
    """Names the stored result: ``store/finetune/<identity>``."""
    inputs: Mapping[str, Any]
    """Everything that determined it."""


def choose_classifier(record: RunRecord, asked: Mapping[str, str]) -> CellRecord:
    """Return a cell of the one classifier that fits ``asked``: some of ``OPTIONS`` to a label.

    Cells that differ in their test alone have one classifier. Raises RatevalError for a label that
    the run does not have, and when none or several fit, saying which there are.
    """
    _require_done(record, asked)
    for option, label in asked.items():
        known = _distinct(_labels(cell).get(option, "") for cell in record.cells)
        if label not in known:
            there = ", ".join(filter(None, known)) or "none"
            raise RatevalError(f"--{option} {label}: this run has no such {option}; it has {there}")
    found: dict[str, list[CellRecord]] = {}
    for cell in record.cells:
        if asked.items() <= _labels(cell).items():
            found.setdefault(cell.classifier, []).append(cell)
    if len(found) == 1:
        return next(iter(found.values()))[0]
    if not found:
        combination = " ".join(f"--{option} {label}" for option, label in asked.items())
        raise RatevalError(
            f"{combination}: this run has no such combination; it has\n" + _list(record.cells)
        )
    groups = list(found.values())
    narrowing = [f"--{option}" for option in OPTIONS if len(_values(groups, option)) > 1]
    cells = [cell for group in groups for cell in group]
    raise RatevalError(
        f"{record.place}: {len(groups)} classifiers of this run fit; choose one by "
        f"{' and '.join(narrowing)}:\n{_list(cells)}"
    )


def _require_done(record: RunRecord, asked: Mapping[str, str]) -> None:
    """Raise RatevalError where what is asked for is planned, and nothing of it is there yet."""
    planned = [labels for key in record.planned if asked.items() <= (labels := _name(key)).items()]
    if not planned or any(asked.items() <= _labels(cell).items() for cell in record.cells):
        return
    if record.status == "running":
        why = "the run hasn't come to it yet, or it died; wait for it, or go on with"
    else:
        why = "it failed, or the run ended before it; go on with"
    words = " ".join(f"--{option} {label}" for option, label in asked.items())
    where = f"{words}: " if words else ""
    raise RatevalError(
        f"{where}{record.place} has no result of it: {why}: {record.command} (what is finished is "
        "reused)"
    )


def _labels(cell: CellRecord) -> dict[str, str]:
    return _name(cell.key)


def _name(key: Key) -> dict[str, str]:
    labels = {"model": key.model, "finetune": key.finetuner, "dataset": key.dataset}
    return labels if key.seed is None else labels | {"seed": str(key.seed)}


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _values(groups: Sequence[Sequence[CellRecord]], option: str) -> set[frozenset[str]]:
    return {frozenset(_labels(cell).get(option, "") for cell in group) for group in groups}


def _list(cells: Sequence[CellRecord]) -> str:
    return "\n".join(
        _distinct(
            "  " + " ".join(f"--{option} {label}" for option, label in _labels(cell).items())
            for cell in cells
        )
    )


def restore_classifier(record: RunRecord, cell: CellRecord, registry: Registry) -> Restored:
    """Rebuild the classifier of a cell on the CPU; no dataset is needed.

    Raises RatevalError when its stored result is gone or damaged, when a component is not installed
    any more, and when the model's files are others than those it was made from.
    """
    folder = record.classifier_folder(cell)
    inputs: Mapping[str, Any] = read_manifest(folder)["inputs"]
    model_choice = resolve(record, "model", cell.key.model, registry)
    finetuner_choice = resolve(record, "finetune", cell.key.finetuner, registry)
    _require_same_model(determine(model_choice, cell.key.seed), inputs["model"], cell)
    context = Context(seed=cell.key.seed or 0)
    model: Model = build(model_choice, context)
    names = set(model.module.state_dict())
    finetuner: Finetuner = build(finetuner_choice, context)
    classes = tuple(inputs["classes"])
    classifier = restore(finetuner, model, classes, folder)
    _require_same_names(names, classifier.model, cell)
    return Restored(classifier, classes, model_choice, finetuner_choice, cell.classifier, inputs)


def resolve(record: RunRecord, table: str, label: str, registry: Registry) -> Choice:
    """Return a choice of a run by its label, with the params that it had.

    Raises RatevalError when its component is not installed any more, or its file changed.
    """
    entry = next(entry for entry in record.spec_resolved[table] if entry["name"] == label)
    use = entry["component"]
    if "file" in entry:
        # What a file does is known of the one that was run alone.
        if read_file(Path(entry["file"])).version != entry["distribution"].split()[-1]:
            raise RatevalError(
                f'{table} "{label}": {entry["file"]} changed since this run; put the old file '
                "back, or run the spec again"
            )
        use = f"{entry['file']}:{use}"
    params = entry["params"]
    with suppress(RatevalError):  # what is not there any more is told when it is chosen
        found = find_component(TABLES[table], use, registry, record.path)
        # Some keys are refused beside others, even with the value that they have when left out.
        defaults = params_class(found).model_construct().model_dump(mode="json")
        params = {k: v for k, v in params.items() if k not in defaults or v != defaults[k]}
    chosen = Entry.model_validate({"use": use, "name": entry.get("family", label)} | params)
    return choose(table, chosen, registry, str(record.path / "run.json"))


def _require_same_model(
    found: Mapping[str, Any], made: Mapping[str, Any], cell: CellRecord
) -> None:
    changed = [key for key in ("component", "params", "digest") if found.get(key) != made.get(key)]
    if changed:
        raise RatevalError(
            f'model "{cell.key.model}": its {" and ".join(changed)} changed since this run, and '
            "what was trained on the old model does not fit a new one; put the old files back "
            "where they were, or run the spec again"
        )


def _require_same_names(names: set[str], model: Model, cell: CellRecord) -> None:
    other = names ^ set(model.module.state_dict())
    if other:
        raise RatevalError(
            f'finetune "{cell.key.finetuner}": changed which weights the model has '
            f"({list_some(sorted(other))}), and the format of the model has no place for that; "
            "only methods that keep the model's own weights can be exported"
        )
