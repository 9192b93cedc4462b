"""Datasets made and read as a study makes and reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from forms.coco import write_coco, write_coco_files, write_folder_and_coco
from forms.cvat import write_cvat
from forms.folder import write_folder
from forms.table import write_csv, write_table
from forms.truth import Truth
from forms.voc import write_voc
from forms.yolo import write_yolo
from rateval.api import Context, Dataset, Sample, Skipped
from rateval.registry.discovery import discover
from rateval.registry.references import load_reference, parse_params

Write = Callable[[Path, Path, Sequence[Truth]], dict[str, Any]]
FORMS: dict[str, Write] = {
    "folder": write_folder,
    "folder and coco": write_folder_and_coco,
    "coco": write_coco_files,
    "coco by datumaro": write_coco,
    "voc": write_voc,
    "yolo": write_yolo,
    "cvat": write_cvat,
    "table": write_table,
    "csv": write_csv,
}
ROUNDED = frozenset({"yolo"})
"""Forms that cannot say where a corner is, but in shares of some digits."""


def make_dataset(entry: dict[str, Any]) -> Dataset:
    """Make the dataset that an entry of a spec names."""
    found = discover(third_party=False, environment={}).find("dataset", entry["use"])
    assert found is not None
    params = parse_params(found, {key: value for key, value in entry.items() if key != "use"})
    return cast(Dataset, load_reference(found, "factory")(params, Context()))


def read(split: Any) -> list[Sample | Skipped]:
    """Read all rows of a split, one after the other."""
    return [split.samples([at])[0] for at in range(len(split))]
