"""A fragment of a model card: results in the Hub's metadata, and what the numbers don't say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rateval.errors import RatevalError
from rateval.records.about.dataset import DatasetRecord
from rateval.records.scores.cell import EvidenceRecord, ResultRecord, ScoreRecord
from rateval.report.export.caveats import list_caveats
from rateval.report.export.papers.markdown import escape, write_number
from rateval.report.export.papers.paper import show
from rateval.report.export.selecting import Selection
from rateval.report.export.tables import name_shift
from rateval.wording import list_some, show_controls

Values = dict[str, Any]
TASKS = {
    "image": "image-classification",
    "question": "visual-question-answering",
    "phrase": "image-to-text",
}
"""What is predicted once, to the task of which that is, as the Hub calls it."""
_OTHER = "image-text-to-text"


def write_card(selection: Selection, what: str) -> Iterator[str]:
    """Yield the metadata between lines of dashes, then a section of prose.

    Raises RatevalError when the cells are of several classifiers: a card is of one.
    """
    results = _results(selection)
    name = results[0].key.method
    yield "---\n" + to_yaml(describe(selection, results)) + "---\n\n"
    yield f"## Prediction rationality of {escape(name)}\n\n"
    yield (
        "Measured with rateval: is a prediction right, and does it rest on the evidence? "
        "PT: of the correct predictions, the share on valid evidence. IR: of the predictions on "
        "valid evidence, the correct share.\n\n"
    )
    yield from _table(selection, results)
    yield "\n### What these numbers don't say\n\n"
    for sentence in list_caveats(selection, results):
        yield f"- {sentence}\n"


def _results(selection: Selection) -> list[ResultRecord]:
    record = selection.record
    results = [result for result in record.results if selection.holds(result.key)]
    names = list(dict.fromkeys(result.key.method for result in results))
    if len(names) == 1:
        return results
    if not names:
        raise RatevalError(
            f"--cell: a card is about all seeds {list_some(map(str, record.seeds))} together; "
            "leave the seed out of the label"
        )
    raise RatevalError(
        f"--format model-card: a card is of one model, and these are {list_some(names)}; name one "
        f"of them: --cell '{names[-1]}*'"
    )


def describe(selection: Selection, results: Sequence[ResultRecord]) -> Values:
    """Return the metadata of a card as the Hub has it."""
    entries = [
        _entry(selection, result, evidence)
        for result in results
        for evidence in result.evidence
        if evidence.validator in selection.validators
    ]
    tasks = {_task_of(selection, result) for result in results}
    # A model that tells classes apart may do so in several ways, and its own card says in which.
    tag = {"pipeline_tag": tasks.pop()} if len(tasks) == 1 and TASKS["image"] not in tasks else {}
    return {
        **tag,
        "tags": ["rateval", "prediction-rationality"],
        "model-index": [{"name": results[0].key.method, "results": entries}],
    }


def _entry(selection: Selection, result: ResultRecord, evidence: EvidenceRecord) -> Values:
    key, data = result.key, _dataset(selection, result)
    task = _task_of(selection, result)
    args = {
        **name_shift(key.shift),
        "attribution": key.attribution,
        "validator": evidence.validator,
        "images": result.count,
        "seeds": list(selection.record.seeds),
        "study": selection.record.study,
        "protocol": selection.record.protocol,
        "identity": None if data is None else data.test_identity,
    }
    found = {
        "name": key.dataset + (f", {key.shift.text}" if key.shift else ""),
        "type": key.dataset,
        "split": "test",
        "args": _without_none(args),
    }
    return {
        "task": {"type": task, "name": task.replace("-", " ").capitalize()},
        "dataset": _without_none(found),
        "metrics": [_metric(selection, s) for s in evidence.scores if s.value.value is not None],
    }


def _task_of(selection: Selection, result: ResultRecord) -> str:
    return TASKS.get(selection.record.unit(result.key.dataset), _OTHER)


def _dataset(selection: Selection, result: ResultRecord) -> DatasetRecord | None:
    datasets = selection.record.datasets
    return next((one for one in datasets if one.name == result.key.dataset), None)


def _metric(selection: Selection, score: ScoreRecord) -> Values:
    value = score.value
    args = {
        "low": value.low,
        "high": value.high,
        "level": None if value.low is None else selection.record.level,
        "over": value.over,
        "numerator": value.numerator,
        "denominator": value.denominator,
    }
    return {
        "type": score.metric,
        "name": score.heading,
        "value": value.value,
        "args": _without_none(args),
        "verified": False,
    }


def _without_none(values: Values) -> Values:
    return {name: value for name, value in values.items() if value is not None}


def _table(selection: Selection, results: Sequence[ResultRecord]) -> Iterator[str]:
    yield "| test | judged by | metric | % | n |\n| :-- | :-- | :-- | --: | --: |\n"
    for result in results:
        key = result.key
        test = escape(key.dataset + (f", {key.shift.text}" if key.shift else ""))
        for evidence in result.evidence:
            if evidence.validator not in selection.validators:
                continue
            by = escape(f"{key.attribution}, {evidence.validator}")
            for score in evidence.scores:
                value = score.value
                of = result.count if value.denominator is None else value.denominator
                cells = (test, by, escape(score.heading), write_number(show(value)), f"{of:,g}")
                yield f"| {' | '.join(cells)} |\n"


def to_yaml(values: Values, depth: int = 0) -> str:
    r"""Return a mapping in YAML, its texts in quotes.

    >>> print(to_yaml({"a": [{"b": "c: d", "e": [1, 2]}]}), end="")
    a:
      - b: "c: d"
        e: [1, 2]
    """
    lines = []
    for name, value in values.items():
        start = "  " * depth + f"{name}:"
        if isinstance(value, dict):
            lines.append(start + ("\n" + to_yaml(value, depth + 1) if value else " {}\n"))
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            lines.append(start + "\n")
            for one in value:
                text = to_yaml(one, depth + 2)
                lines.append("  " * (depth + 1) + "- " + text[2 * (depth + 2) :])
        else:
            lines.append(f"{start} {_scalar(value)}\n")
    return "".join(lines)


def _scalar(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_scalar(one) for one in value) + "]"
    if isinstance(value, str):
        return json.dumps(show_controls(value), ensure_ascii=False)
    if not isinstance(value, float):
        return json.dumps(value)
    mantissa, mark, exponent = json.dumps(value, allow_nan=False).partition("e")
    # Without a point, YAML 1.1 takes 1e-07 for a text.
    return mantissa + (".0" if mark and "." not in mantissa else "") + mark + exponent
