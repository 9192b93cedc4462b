"""A folder of annotations, read by datumaro: its items, and what it had to say about them."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset
from datumaro.components.environment import Environment
from datumaro.components.errors import AnnotationImportError, DatasetImportError, ItemImportError
from datumaro.components.format_detection import detect_dataset_format
from datumaro.components.importer import ImportErrorPolicy

from rateval.modelkit import list_some, suggest
from rateval_datasets.own.formats.names import CHOSEN_BY_NAME, READ
from rateval_datasets.own.formats.yolo import READER, OutlineImporter, OutlineReader
from rateval_datasets.own.problems import problem

NAME = "datumaro"
_HARMLESS = re.compile(r"only class segmentations available|Multiple COCO tasks are detected")
"""What datumaro warns of although nothing is lost."""
_NOTED = re.compile(r"Unknown image id|was skipped, could't match this file")
"""What belongs to no photo that is listed."""


@dataclass
class Found:
    """What datumaro read."""

    format: str
    items: Sequence[Any]
    """Of datumaro's DatasetItem."""
    names: tuple[str, ...]
    """Names of the classes, in the order of annotations' labels."""
    faults: dict[tuple[str, str], str]
    """Id and split of an item that cannot be read to the reason."""
    notes: list[str] = field(default_factory=list)


def read_format(root: Path, name: str) -> Found:
    """Read a folder in the format ``name``, or in the one that fits where it is "auto".

    Raises RatevalError when no or several formats fit, when it cannot be read, and when datumaro
    would leave out annotations.
    """
    environment = _environment()
    chosen = _detect(root, environment) if name == "auto" else _require_known(name)
    policy = _Collecting()
    with _logged() as said:
        try:
            dataset = Dataset.import_from(str(root), chosen, env=environment, error_policy=policy)
            items = list(dataset)
            categories = dataset.categories().get(AnnotationType.label, ())
        except Exception as error:  # whatever a broken file makes its readers raise
            raise problem(
                NAME,
                f'root = {root}: cannot be read as format = "{chosen}": {_innermost(error)}; mend '
                "that, or name another format",
            ) from error
    notes = _judge(said, root, chosen)
    return Found(chosen, items, tuple(one.name for one in categories), policy.faults, notes)


def _environment() -> Environment:
    environment = Environment()
    environment.importers.register(OutlineImporter.NAME, OutlineImporter)
    environment.extractors.register(READER, OutlineReader)
    return environment


def _require_known(name: str) -> str:
    if name in READ:
        return name
    raise problem(NAME, f'format = "{name}": is none that is read here; {suggest(name, READ)}')


def _detect(root: Path, environment: Environment) -> str:
    names = [name for name in READ if name not in CHOSEN_BY_NAME]
    detectors = [(name, environment.importers.get(name).detect) for name in names]
    with _logged():
        fitting = sorted({str(one) for one in detect_dataset_format(detectors, str(root))})
    if not fitting:
        inside = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
        raise problem(
            NAME,
            f"root = {root}: looks like none of the formats; it holds {list_some(inside)}. Give "
            "the folder that the tool exported, as a whole, or name its format, such as "
            'format = "coco_instances"',
        )
    if len(fitting) > 1:
        raise problem(
            NAME,
            f"root = {root}: looks like several formats, {list_some(fitting)}; name one, such as "
            f'format = "{fitting[0]}"',
        )
    return fitting[0]


class _Collecting(ImportErrorPolicy):  # type: ignore[misc]  # datumaro is untyped
    """Goes on after an item that cannot be read, but not after one annotation of an item."""

    def __init__(self) -> None:
        self.faults: dict[tuple[str, str], str] = {}

    def _handle_item_error(self, error: ItemImportError) -> None:
        item, split = error.item_id
        self.faults[str(item), str(split or "")] = _innermost(error)


def _innermost(error: BaseException) -> str:
    """Return what was wrong, without what wraps it, in one line; of an annotation in which item."""
    where = ""
    while error.__cause__ is not None and _only_wraps(error):
        if isinstance(error, AnnotationImportError):
            where = f"{error.item_id[0]}: "
        error = error.__cause__
    text = " ".join(str(error).split())
    known = isinstance(error, DatasetImportError) and text
    return where + (text if known else f"{type(error).__name__}: {text}".removesuffix(": "))


def _only_wraps(error: BaseException) -> bool:
    return isinstance(error, ItemImportError) or not str(error) or "Failed to" in str(error)


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect what is logged as a warning; datumaro logs without a logger of its own."""
    handler = _Keeping(logging.WARNING)
    root = logging.getLogger()
    before = root.handlers[:]
    # In place of all others, for what it says is told by an error or a note.
    root.handlers[:] = [handler]
    try:
        with warnings.catch_warnings():
            # They tell datumaro's authors, who call some of Python's old names.
            warnings.simplefilter("ignore", DeprecationWarning)
            yield handler.lines
    finally:
        root.handlers[:] = before


class _Keeping(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _judge(said: Sequence[str], root: Path, chosen: str) -> list[str]:
    """Return notes of what was said. Raises RatevalError when annotations were left out."""
    lost = [line for line in said if not _HARMLESS.search(line) and not _NOTED.search(line)]
    if lost:
        more = f", and {len(lost) - 1} warnings more" if len(lost) > 1 else ""
        raise problem(
            NAME,
            f'root = {root}: read as format = "{chosen}", datumaro leaves something out: {lost[0]}'
            f"{more}; mend that, or name another format",
        )
    noted = [line for line in said if _NOTED.search(line)]
    return [f"{len(noted)} remarks of datumaro: {list_some(noted)}"] if noted else []
