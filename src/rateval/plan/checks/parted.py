"""What a study can't ask of a task whose samples have several units, or none."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.errors import Problem
from rateval.spec.document import Document

_TABLES = {
    "counterfactual": "images are edited around one object each",
    "faithfulness": "patches are taken away for one prediction of each image",
    "held_out": "samples that are held out are scored by one prediction each",
}
"""A table of a spec to what it takes for granted."""


def find_unparted(document: Document, task: str, dataset: str) -> Iterator[Problem]:
    """Yield a problem for each table and key that needs one unit of each sample.

    ``task`` is the name of one that has others, ``dataset`` the label of what poses it.
    """
    why = f'the dataset "{dataset}" poses the task {task}, which finds several in some images'
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
