"""What a study can't ask of a task whose samples have several units, or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.errors import Problem
from rateval.plan.cells import Choice
from rateval.spec.document import Document

_TABLES = {
    "counterfactual": "images are edited around one object each",
    "faithfulness": "patches are taken away for one prediction of each image",
    "held_out": "samples that are held out are scored by one prediction each",
}
"""A table of a spec to what it takes for granted."""


def find_unparted(
    document: Document, datasets: Sequence[Choice], attributions: Sequence[Choice]
) -> Iterator[Problem]:
    """Yield a problem for each thing that needs one unit of each sample where a task has others."""
    parted = next((one for one in datasets if one.task is not None and _parts(one.task)), None)
    if parted is None or parted.task is None:
        return
    task = parted.task.registered.component.name
    why = f'the dataset "{parted.label}" poses the task {task}, which finds several in some images'
    for table, needs in _TABLES.items():
        if table in document.data:
            where = document.where((table,), value=False)
            yield Problem(where, f"{needs}, and {why} and none in others; leave this table out")
    asked = document.data.get("statistics")
    if isinstance(asked, dict) and asked.get("cluster") == "class":
        yield Problem(
            document.where(("statistics", "cluster"), value=True),
            f'{why} of several classes; write "sample", "none" or a group of the dataset',
        )
    for at, choice in enumerate(attributions):
        if getattr(choice.params, "score", None) == "margin":
            yield Problem(
                document.where(("attribution", at, "score"), value=True),
                f"is the difference to the best other answer, and the task {task} has none; "
                'write "raw"',
            )


def _parts(task: Choice) -> bool:
    return type(task.params).parts_samples
