"""A spec that runs with what a person has, and what is told about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api.kinds import KINDS, Kind
from rateval.drafting.data import DraftedData, draft_data
from rateval.drafting.guessing import Recognised
from rateval.drafting.model import DraftedModel, draft_model
from rateval.drafting.toml import comment, write_table, write_value
from rateval.errors import RatevalError
from rateval.modelkit.clues import Clues
from rateval.plan.checks.absent import explain_absent
from rateval.plan.planning import make_plan
from rateval.registry.registry import Registry
from rateval.spec.document import Document
from rateval.spec.toml_text import parse_toml
from rateval.store.cache import default_cache

_RUN = {"device": "auto", "batch_size": 32, "output": "runs"}
_ORDER = (
    "the order of the head's classes: taken to be that of the dataset, {labels}; if it is another "
    "one, every figure of this row is wrong: then list the labels in the head's order, as classes "
    "= […] of the dataset"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A spec as text, and what a person should know of it."""

    text: str
    found: Sequence[tuple[str, Sequence[str]]]
    """What was recognised, and by what."""
    unknown: Sequence[str]
    """What nothing said, and what was taken for it."""
    left_out: Sequence[str]
    """Entries that stand there as comments, and why."""


def make_draft(
    registry: Registry,
    command: str,
    *,
    data: Path,
    masks: Path | None = None,
    checkpoint: Path | None = None,
    base: str = "",
) -> Draft:
    """Look at what is there and write a spec for it; ``command`` is noted in it.

    Raises RatevalError when something is not there, is not recognised, or cannot be run.
    """
    _require_paths({"data": data, "masks": masks, "checkpoint": checkpoint})
    clues = _gather(data, masks, checkpoint, base)
    drafted = draft_data(clues, registry)
    model = draft_model(clues, drafted, registry)
    draft = _write(command, data, drafted, model)
    # Whoever is given a spec can run it; a guess that doesn't hold is found here.
    make_plan(
        Document("the drafted spec", parse_toml(draft.text, "the drafted spec"), draft.text),
        registry,
    )
    return draft


def _require_paths(given: Mapping[str, Path | None]) -> None:
    wrong = []
    for option, path in given.items():
        where = f"--{option} {path}"
        if path is not None and not str(path).isprintable():
            wrong.append(f"{where}: a spec can't hold a path with a control character; rename it")
        elif path is not None and (why := explain_absent(path, Path())):
            wrong.append(f"{where}: {why}")
    if wrong:
        raise RatevalError("\n".join(wrong))


def _gather(data: Path, masks: Path | None, checkpoint: Path | None, base: str) -> Clues:
    downloads = default_cache() / "checkpoints"
    if checkpoint is None:
        return Clues(data, masks, base=base, downloads=downloads)
    # Only who gives a checkpoint has to wait for torch.
    from rateval.modelkit.checkpoint_files.telling import read_unknown

    read = read_unknown(checkpoint)
    return Clues(
        data,
        masks,
        checkpoint,
        read.file,
        read.weights,
        read.averaged,
        read.both,
        base or read.base,
        downloads,
    )


def _write(command: str, root: Path, data: DraftedData, model: DraftedModel) -> Draft:
    found: list[tuple[str, Sequence[str]]] = [
        (f"{root}: {data.chosen.name}", data.facts),
        (f"model: {model.chosen.name}", [_why(model.chosen)]),
    ]
    unknown = [*data.unknown, *model.chosen.guess.unknown]
    lines = [
        *comment([f"A study drafted by `{command}`."]),
        *comment(
            [
                "Lines that begin with ? are what nothing on disk said, and what was taken for it: "
                "read them before you trust a figure. Paths are relative to the folder that "
                "`rateval run` is called in."
            ]
        ),
        "",
        *write_table("[study]", {"name": _name(root), "seed": 0}),
        "",
        *comment(data.facts),
        *_entry("dataset", data.chosen, data.unknown),
        *comment([_why(model.chosen)]),
        *_entry("model", model.chosen, model.chosen.guess.unknown),
    ]
    left_out = []
    for method in model.methods:
        questions = [*method.guess.unknown]
        if "classes" in method.guess.sizes and not method.guess.lacks:
            questions.append(_ORDER.format(labels=", ".join(data.classes)))
        lines += comment([_why(method)])
        lines += _entry("finetuner", method, questions)
        if method.guess.lacks:
            left_out.append(f"{method.name}: {method.guess.lacks}")
        else:
            found.append((f"method: {method.name}", [_why(method)]))
            unknown += questions
    lines += _task(data)
    lines += _tail(data.has_masks)
    return Draft("\n".join(lines) + "\n", found, unknown, left_out)


def _why(one: Recognised) -> str:
    return one.guess.why


def _name(root: Path) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", root.resolve().stem).strip("-")
    return plain or "photos"


def _entry(kind: Kind, one: Recognised, unknown: Sequence[str]) -> list[str]:
    values: Mapping[str, Any] = {"use": one.name, **one.guess.params}
    table = write_table(KINDS[kind].heading, values)
    lines = comment(unknown, lead="? ")
    fill = [f"# {key} = {write_value(value)}" for key, value in one.guess.fill.items()]
    if one.guess.lacks:
        lines += comment([f"left out: {one.guess.lacks}"], lead="? ")
        return [*lines, *(f"# {line}" for line in table), *fill, ""]
    return [*lines, *table, *fill, ""]


def _task(data: DraftedData) -> list[str]:
    """Return how answers are held right where people disagree; else that is left to the task."""
    if not data.soft:
        return []
    why = "People gave different answers to one question: the share of them counts who agree."
    return [*comment([why]), *write_table("[[task]]", {"use": data.task, "correct": "soft"}), ""]


def _tail(has_masks: bool) -> list[str]:
    lines = [
        *comment(["How to explain a prediction."]),
        *write_table("[[attribution]]", {"use": "generic-attention"}),
        "",
    ]
    if has_masks:
        lines += [
            *comment(["When an explanation is valid evidence, and what is counted."]),
            *write_table("[[evidence]]", {"use": "relevance-mass", "threshold": 0.5}),
            "",
        ]
        for name in ("accuracy", "pt", "ir"):
            lines += [*write_table("[[metric]]", {"use": name}), ""]
    else:
        lines += [
            *comment(["Without evidence there is nothing but accuracy to tell."]),
            *write_table("[[metric]]", {"use": "accuracy"}),
            "",
        ]
    return [*lines, *comment(["How to run, not what."]), *write_table("[run]", _RUN)]
