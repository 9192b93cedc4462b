"""Which task each dataset of a study poses, and whether all that meets it serves that task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from rateval.errors import Problem
from rateval.plan.cells import Choice
from rateval.registry.file_component import is_from_file
from rateval.registry.registry import Registry
from rateval.spec.document import Document
from rateval.spec.tables import Place, RunSpec
from rateval.wording import list_some

Placed = tuple[Place, Choice]


def name_task(dataset: Choice) -> str:
    """Return the name of the task that a dataset poses, which its params may choose."""
    chosen = getattr(dataset.params, "task", None)
    return chosen if isinstance(chosen, str) else dataset.registered.component.tasks[0]


def find_misposed(
    document: Document, chosen: Sequence[Placed], registry: Registry
) -> Iterator[Problem]:
    """Yield a problem for each component that can't serve a dataset's task, and each idle task."""
    datasets = [choice for at, choice in chosen if at[0] == "dataset"]
    posed = {name_task(dataset): dataset.label for dataset in reversed(datasets)}
    for task, label in posed.items():
        if registry.find("task", task) is None:
            there = list_some(f'"{one.component.name}"' for one in registry.of_kind("task"))
            yield Problem(
                f'{document.name}: dataset "{label}"',
                f'poses the task "{task}", which no plugin brings; there are {there}',
            )
    for at, choice in chosen:
        if at[0] in ("model", "finetune", "attribution"):
            unserved = [task for task in posed if task not in choice.registered.component.tasks]
            for task in unserved[:1]:
                yield _explain(document, at, choice, task, posed[task], registry)
        elif at[0] == "task" and choice.registered.component.name not in posed:
            yield Problem(
                document.where((*at, "use"), value=True),
                f"no dataset of the study poses this task; they pose {list_some(posed)}; "
                + _advise_idle(choice.registered.component.name, registry),
            )
    yield from _find_twice(document, chosen)


def _advise_idle(task: str, registry: Registry) -> str:
    able = [one.use for one in registry.of_kind("dataset") if task in one.component.tasks]
    some = f", or add a dataset that poses it, such as {list_some(able)}" if able else ""
    return f"leave it out{some}"


def _find_twice(document: Document, chosen: Sequence[Placed]) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, choice in chosen:
        if at[0] == "task":
            name = choice.registered.component.name
            if name in seen:
                where = document.where((*at, "use"), value=True)
                yield Problem(where, "is there twice, and a dataset poses one; leave one out")
            seen.add(name)


def _explain(
    document: Document, at: Place, choice: Choice, task: str, dataset: str, registry: Registry
) -> Problem:
    kind = choice.registered.kind
    able = [one.use for one in registry.of_kind(kind) if task in one.component.tasks]
    serves = list_some(choice.registered.component.tasks)
    advice = f"use one of {list_some(able)}" if able else f"no {kind} that is installed does"
    if is_from_file(choice.registered):
        function = choice.registered.component.name
        say = f'{function}_tasks = ("{task}",)'
        advice = f"if it serves that, write {say} beside {function}, else {advice}"
    return Problem(
        document.where((*at, "use"), value=True),
        f'is for {serves}, and the dataset "{dataset}" poses the task {task}; {advice}',
    )


def pose(dataset: Choice, tasks: Mapping[str, Choice], make: Callable[[str], Choice]) -> Choice:
    """Return a dataset's choice with the task that it poses.

    ``tasks`` are those of the spec by component, ``make`` gives any other one by its name.
    """
    name = name_task(dataset)
    return replace(dataset, task=tasks.get(name) or make(name))


def list_tasks(asked: Sequence[Choice], datasets: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the tasks of a study: those that it asks for, and others that have params."""
    posed = (dataset.task for dataset in datasets if dataset.task is not None)
    more = [task for task in posed if type(task.params).model_fields]
    return tuple({task.label: task for task in (*asked, *more)}.values())


def cluster_by_task(spec: RunSpec, tasks: Sequence[Choice | None]) -> RunSpec:
    """Return a spec whose statistics take for drawn together what its tasks do.

    What the spec says itself stays, and so it does where tasks differ.
    """
    groups = {type(task.params).drawn_together for task in tasks if task is not None}
    if "cluster" in spec.statistics.model_fields_set or len(groups) != 1 or groups == {"none"}:
        return spec
    (group,) = groups
    statistics = spec.statistics.model_copy(update={"cluster": group})
    return spec.model_copy(update={"statistics": statistics})
