"""What a record says was asked for: the spec with everything filled in, and its datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rateval.api.protocols import Dataset, Split
from rateval.data.splits import limit_split, list_labels
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.records.about.dataset import DatasetRecord
from rateval.registry.python_file import PythonFile
from rateval.spec.tables import TABLES
from rateval.workbench.bench import Workbench


def resolve(
    plan: Plan, bench: Workbench, taken: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """Return the spec with everything filled in; some tables are ``taken`` as they are."""
    resolved: dict[str, Any] = {"study": plan.spec.study.as_table()}
    for table in TABLES:
        resolved[table] = [dict(entry) for entry in taken.get(table, ())] or [
            {"name": choice.label}
            | _name_family(choice)
            | _name_file(choice)
            | _limits(choice)
            | _needs(choice)
            | _inputs(plan, choice, bench)
            for choice in plan.choices[table]
        ]
    resolved["statistics"] = plan.spec.statistics.model_dump(mode="json")
    resolved["report"] = plan.spec.report.model_dump(mode="json")
    return resolved | plan.spec.extras() | {"run": plan.spec.run.model_dump(mode="json")}


def _name_family(choice: Choice) -> dict[str, Any]:
    """Return the label of a shift's entry, where its name has a type or a severity besides."""
    shift = choice.shift
    return {} if shift is None or shift.family == choice.label else {"family": shift.family}


def _name_file(choice: Choice) -> dict[str, Any]:
    """Return where the file of a component lies, which is in no identity."""
    plugin = choice.registered.plugin
    return {"file": str(plugin.path)} if isinstance(plugin, PythonFile) else {}


def _limits(choice: Choice) -> dict[str, Any]:
    return {} if choice.finetuners is None else {"finetuners": list(choice.finetuners)}


def _needs(choice: Choice) -> dict[str, Any]:
    """Return what a validator or a metric asks of a study, by which reports lay out tables."""
    needs = choice.registered.component.needs
    return {"needs": needs} if needs else {}


def _inputs(plan: Plan, choice: Choice, bench: Workbench) -> dict[str, Any]:
    seeds = plan.seeds_of(choice)
    if choice.per_cell:
        return choice.describe()  # what placeholders stand for differs from cell to cell
    values = bench.inputs(choice, seeds[0])
    if len(seeds) == 1:
        return values
    return {key: value for key, value in values.items() if key != "seed"} | {"seeds": list(seeds)}


def describe_datasets(plan: Plan, bench: Workbench) -> tuple[DatasetRecord, ...]:
    """Return what a record says of each dataset and seed, as far as the study uses it."""
    return tuple(
        _describe_dataset(plan, choice, seed, bench)
        for choice in plan.datasets
        for seed in plan.seeds_of(choice)
    )


def _describe_dataset(
    plan: Plan, choice: Choice, seed: int | None, bench: Workbench
) -> DatasetRecord:
    dataset: Dataset = bench.object(choice, seed)
    limit, by = plan.spec.run.limit, plan.spec.run.limit_by
    train = None if dataset.train is None else limit_split(dataset.train, limit, by)
    test = limit_split(dataset.test, limit, by)
    narrowed = {
        f"{name}_{key}": value
        for name, split, whole in (("train", train, dataset.train), ("test", test, dataset.test))
        if split is not None and whole is not None and split is not whole
        for key, value in (("of", len(whole)), ("classes", _count_classes(split)))
    }
    return DatasetRecord(
        name=choice.label,
        seed=seed,
        classes=dataset.classes,
        unit="image" if choice.task is None else type(choice.task.params).unit,
        train_identity=None if train is None else train.identity,
        train_count=0 if train is None else len(train),
        test_identity=test.identity,
        test_count=len(test),
        **narrowed,
    )


def _count_classes(split: Split) -> int | None:
    labels = list_labels(split)
    return None if labels is None else len(set(labels))
