"""What can't do in its study, as far as the spec tells: refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from rateval.api.params import Around, Params
from rateval.errors import Problem
from rateval.plan.cells import Choice
from rateval.plan.checks.parted import find_unparted
from rateval.plan.posing import Placed, name_task
from rateval.spec.document import Document
from rateval.spec.tables import RunSpec

ACCURACY = "accuracy"
"""By what samples held out are always scored."""


def find_unfit(
    document: Document, spec: RunSpec, chosen: Sequence[Placed], make_task: Callable[[str], Choice]
) -> Iterator[Problem]:
    """Yield a problem for each param, table and key that what is beside it doesn't allow.

    ``make_task`` gives the task of a name that the spec has no params for.
    """
    choices = [choice for _, choice in chosen]
    datasets = [choice for choice in choices if choice.registered.kind == "dataset"]
    tasks = _list_tasks(choices, datasets, make_task)
    around = _look_around(spec, choices, datasets, tasks)
    for at, choice in chosen:
        for name, why in choice.params.find_unfit(around).items():
            yield Problem(document.where((*at, name), value=True), why)
        if choice.registered.kind == "finetuner" and choice.params.trains and around.untrained:
            yield Problem(
                document.where((*at, "use"), value=True),
                f'trains, and the dataset "{around.untrained[0]}" has no training split; give it '
                "one, or take a method that doesn't train, such as zs",
            )
    parted = (one for one in datasets if tasks[name_task(one)].parts_samples)
    for dataset in islice(parted, 1):
        yield from find_unparted(document, name_task(dataset), dataset.label)


def _list_tasks(
    choices: Sequence[Choice], datasets: Sequence[Choice], make_task: Callable[[str], Choice]
) -> dict[str, Params]:
    """Return the params of the tasks that datasets pose, by the tasks' names."""
    given = {
        choice.registered.component.name: choice
        for choice in choices
        if choice.registered.kind == "task"
    }
    posed = dict.fromkeys(map(name_task, datasets))
    return {name: (given.get(name) or make_task(name)).params for name in posed}


def _look_around(
    spec: RunSpec,
    choices: Sequence[Choice],
    datasets: Sequence[Choice],
    tasks: Mapping[str, Params],
) -> Around:
    metrics = [
        choice.label
        for choice in choices
        if choice.registered.kind == "metric" and not choice.by_edits
    ]
    return Around(
        tasks=tuple(tasks.values()),
        scores=_name_scores(spec, metrics),
        untrained=tuple(choice.label for choice in datasets if choice.params.trains is False),
    )


def _name_scores(spec: RunSpec, metrics: Sequence[str]) -> tuple[str, ...] | None:
    if spec.held_out is None:
        return None
    return tuple(dict.fromkeys((ACCURACY, *(metrics if spec.held_out.evidence else ()))))
