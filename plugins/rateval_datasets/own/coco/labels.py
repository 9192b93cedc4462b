"""Labels of the photos of COCO files: from their objects, their folders, or a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rateval.modelkit import list_some
from rateval_datasets.own.classes import label_of_objects
from rateval_datasets.own.coco.params import CocoParams
from rateval_datasets.own.coco.reading import CocoImage, Instances
from rateval_datasets.own.problems import problem
from rateval_datasets.own.tables.cells import word_of
from rateval_datasets.own.tables.reading import read_table


class Labels:
    """What says the label of a photo."""

    def __init__(self, component: str, params: CocoParams, parts: Sequence[Instances]) -> None:
        self._by = params.label
        self._table = None if params.labels is None else _read_labels(component, params.labels)
        self._file = "" if params.labels is None else params.labels.name
        self.notes: list[str] = []
        """What a person should look at, such as lines that belong to no photo."""
        images = [image for part in parts for image in part.images]
        if self._table is not None:
            spare = sorted(set(self._table) - {image.file_name for image in images})
            if spare:
                self.notes = [
                    f"{len(spare)} rows of {self._file} name no image: {list_some(spare)}"
                ]
        if self._by == "folder" or self._table is not None:
            _require_categories(component, {self.of(image)[0] for image in images}, parts)

    def of(self, image: CocoImage) -> tuple[str | None, str | None]:
        """Return the label of an image, or why it has none."""
        if self._table is not None:
            label = self._table.get(image.file_name)
            return label, None if label else f"no label: {self._file} has none for it"
        if self._by == "folder":
            label = PurePosixPath(image.file_name).parent.name or None
            return label, None if label else "no label: its file_name has no folder"
        return label_of_objects(area.category for area in image.areas)


def _read_labels(component: str, path: Path) -> dict[str, str | None]:
    table = read_table(component, "labels", path)
    for name in ("file_name", "label"):
        if name not in table.columns:
            raise problem(
                component,
                f'labels = {path}: has no column "{name}"; there are {list_some(table.columns)}',
            )
    found: dict[str, str | None] = {}
    cells = zip(table.columns["file_name"], table.columns["label"], strict=True)
    for at, (named, said) in enumerate(cells):
        try:
            written, label = word_of(named), word_of(said)
        except ValueError as error:
            raise problem(component, f"labels = {table.place(at)}: {error}") from error
        if written is None:
            raise problem(component, f"labels = {table.place(at)}: has no file_name")
        name = written.replace("\\", "/")
        if name in found:
            raise problem(component, f"labels = {table.place(at)}: {name} stands there twice")
        found[name] = label
    return found


def _require_categories(
    component: str, labels: set[str | None], parts: Sequence[Instances]
) -> None:
    """Require that one of the labels is a category, as objects of that are evidence."""
    known = {name for part in parts for name in part.categories}
    if known and not known & labels:
        there = sorted(label for label in labels if label is not None)
        raise problem(
            component,
            f"no category is called as a label, so that there is no evidence: the labels are "
            f"{list_some(there)}, the categories {list_some(sorted(known))}; name them alike",
        )
