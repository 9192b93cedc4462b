"""A run made of the authors' files, with rows in a store, as a study's own run has them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rateval.api.protocols import Metric
from rateval.machine.environment import describe_environment
from rateval.plan.cells import Choice
from rateval.records.about.dataset import DatasetRecord
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.scores.estimate import Estimate
from rateval.reference.files import Answers, Method
from rateval.reference.numbers import LEVEL, Counted, compare_all, compare_values, count
from rateval.reference.storing import store_method
from rateval.registry.discovery import discover
from rateval.registry.finding import find_component
from rateval.registry.references import params_class
from rateval.scoring.compared import Compared
from rateval.scoring.slices.by_class import slice_by_class
from rateval.store.identity import identify
from rateval.store.remote.runs import Publisher, claim
from rateval.store.store import Store

PUBLISHED = "published"
"""Label of attribution and validator: no file says which they were."""
ZERO_SHOT = "zs"
"""Name of the method that changes are taken against."""
COMMAND = "rateval import-reference"
_DIFFERENCES = (
    "predictions and verdicts are those of the given files, and nothing was computed anew",
    "a map without a score may be among the valid ones, as the published code has it",
)


@dataclass(frozen=True, slots=True)
class Naming:
    """What no file says."""

    study: str
    dataset: str
    model: str
    classes: tuple[str, ...]


def count_classes(answers: Answers) -> int:
    """Return how many classes there are at least."""
    numbers = [answers.labels, *(method.predictions for method in answers.methods)]
    return max(int(values.max()) for values in numbers) + 1


def make_run(
    answers: Answers, naming: Naming, metrics: Mapping[str, Metric], output: Path
) -> RunRecord:
    """Write rows into ``output/store`` and the record into a folder beside it, and return it.

    Raises StudyError when they cannot be written.
    """
    store = Store(output / "store")
    with store.using():  # nobody names what is stored before the record is saved
        return _make_run(store, answers, naming, metrics, output)


def _make_run(
    store: Store, answers: Answers, naming: Naming, metrics: Mapping[str, Metric], output: Path
) -> RunRecord:
    started, clock = datetime.now(UTC), time.perf_counter()
    counted = [_count(answers, naming, method, metrics) for method in answers.methods]
    cells = tuple(
        _record(store, answers, naming, method, one, counted)
        for method, one in zip(answers.methods, counted, strict=True)
    )
    headings = {name: metric.label for name, metric in metrics.items()}
    compared = sorted(counted, key=lambda one: one.key.finetuner != ZERO_SHOT)
    record = RunRecord(
        study=naming.study,
        protocol="aaai25",
        differences=_DIFFERENCES,
        status="finished",
        error=None,
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - clock, 3),
        spec_name=COMMAND,
        spec_given="",
        spec_resolved=_resolve(naming, answers, metrics),
        seeds=(),
        limit=None,
        environment=describe_environment("cpu", 1, Path(), {"rateval"}, {}),
        datasets=(_describe(answers, naming),),
        planned=tuple(one.key for one in counted),
        stages=(),
        cells=cells,
        comparisons=tuple(compare_all(compared, PUBLISHED, headings)),
    )
    record.save(_free_folder(output, f"{naming.study}-{started:%Y%m%d-%H%M%S}"))
    Publisher(record.path).publish()
    return record


def _free_folder(output: Path, name: str) -> Path:
    found, number = output / name, 1
    while found.exists() or not claim(found):
        number += 1
        found = output / f"{name}-{number}"
    return found


def _count(
    answers: Answers, naming: Naming, method: Method, metrics: Mapping[str, Metric]
) -> Counted:
    key = Key(
        dataset=naming.dataset, model=naming.model, finetuner=method.name, attribution=PUBLISHED
    )
    return count(key, method.predictions == answers.labels, method.valid, metrics)


def _resolve(naming: Naming, answers: Answers, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    return {
        "study": {"name": naming.study},
        "dataset": [{"name": naming.dataset}],
        "model": [{"name": naming.model}],
        "finetune": [{"name": method.name} for method in answers.methods],
        "attribution": [{"name": PUBLISHED}],
        "evidence": [{"name": PUBLISHED, "params": {}}],
        "metric": [_describe_metric(name) for name in metrics],
        "statistics": {"level": LEVEL, "cluster": "none", "correction": "holm", "margin": None},
    }


def _describe_metric(name: str) -> dict[str, Any]:
    """Return what the record of a run says of a metric, by which it is counted again."""
    found = find_component("metric", name, discover(), Path())
    return {"name": name} | Choice(name, found, params_class(found)()).describe()


def _describe(answers: Answers, naming: Naming) -> DatasetRecord:
    return DatasetRecord(
        name=naming.dataset,
        classes=naming.classes,
        train_identity=None,
        train_count=0,
        test_identity=f"labels {identify({'labels': answers.labels.tolist()})}",
        test_count=len(answers.labels),
    )


def _record(
    store: Store,
    answers: Answers,
    naming: Naming,
    method: Method,
    one: Counted,
    counted: Sequence[Counted],
) -> CellRecord:
    inferred, judged = store_method(store, answers, method, one)
    baseline = next((c for c in counted if c.key.finetuner == ZERO_SHOT and c is not one), None)
    return CellRecord(
        key=one.key,
        trained=method.name != ZERO_SHOT,
        identity=inferred.identity,
        classifier=identify({"reference": inferred.identity}),
        count=len(answers.labels),
        skipped=(),
        skipped_in_training=(),
        evidence=(
            StoredEvidenceRecord(
                validator=PUBLISHED,
                identity=judged.identity,
                quadrants=one.outcomes.quadrants(),
                undefined={},
                no_curves="the files hold verdicts and no scores",
                scores=tuple(_scores(answers, naming, one, baseline)),
            ),
        ),
    )


def _scores(
    answers: Answers, naming: Naming, one: Counted, baseline: Counted | None
) -> list[ScoreRecord]:
    changes = {} if baseline is None else compare_values(one, baseline)
    found = []
    for name, value in one.values.items():
        ratio, change = one.ratios[name], changes.get(name)
        classes = None
        if ratio is not None:
            classes = slice_by_class(ratio, answers.labels, naming.classes, LEVEL)
        found.append(
            ScoreRecord(
                metric=name,
                heading=one.countings[name].metric.label,
                value=value,
                change=_change(value, change),
                classes=classes,
            )
        )
    return found


def _change(value: Estimate, found: Compared | None) -> Estimate | None:
    if found is None:
        return None
    return found.estimate(value.count)
