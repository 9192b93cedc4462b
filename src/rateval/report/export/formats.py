"""The formats that a run is exported in, and what each of them can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from rateval.errors import Problem, RatevalError, SpecError
from rateval.report.export.images import AT_ONCE, Images
from rateval.report.export.output import replacing, require_free, write_text
from rateval.report.export.selecting import Selection
from rateval.report.export.shifts import SHIFTS, read_shifts
from rateval.report.export.tables import TABLES
from rateval.wording import meant

Place = Literal["text", "file", "folder"]
WHAT = ("cells", "comparisons", "transitions", "shifts", "rows")


@dataclass(frozen=True, slots=True)
class Format:
    """One format."""

    summary: str
    what: tuple[str, ...]
    """What it can hold, the default first; empty where there is nothing to choose."""
    place: Place
    """``text`` goes to the terminal where no file is named."""
    writer: str
    """Module and function: what yields the text, or writes the file or folder and returns what to
    say of it."""


FORMATS = {
    "csv": Format("a tidy table for spreadsheets", WHAT, "text", "formats:_csv"),
    "json": Format("the same as a list of objects", WHAT, "text", "formats:_json"),
    "parquet": Format("the same in its own types", WHAT, "file", "formats:_parquet"),
    "latex": Format("tables as papers print them", WHAT[:3], "text", "papers.latex:write_latex"),
    "markdown": Format("the same for a README", WHAT[:3], "text", "papers.markdown:write_markdown"),
    "model-card": Format("results for a card on the Hub", (), "text", "model_card:write_card"),
    "junit": Format("what build servers read", (), "text", "junit:write_cells"),
    "fiftyone": Format("a dataset that FiftyOne loads", (), "folder", "fiftyone:write_dataset"),
    "coco": Format("pictures, masks and predictions", (), "folder", "coco:write_coco"),
}
"""Name to format, in the order of the help."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Format, content and place of an export, checked together."""

    format: str
    what: str
    """Empty where the format has no choice."""
    output: Path | None


def check(
    name: str, what: str | None, output: Path | None, *, force: bool, of: tuple[str, ...] = ()
) -> Asked:
    """Return what is asked for. Raises SpecError with everything that makes no sense of it.

    ``of`` are the formats that there are, all when empty.
    """
    there = of or tuple(FORMATS)
    if name not in there:
        hint = meant(name, there) or f"there are {', '.join(there)}"
        raise SpecError([Problem(f"--format {name}", f"no such format; {hint}")])
    found = FORMATS[name]
    problems = []
    if what is not None and what not in found.what:
        problems.append(Problem(f"--what {what}", _explain_what(name, what, found.what)))
    if output is None and found.place != "text":
        problems.append(Problem("--output", f"{name} is not text; name a {found.place}"))
    if output is not None:
        try:
            require_free(output, folder=found.place == "folder", force=force)
        except RatevalError as error:
            problems.append(Problem(*str(error).split(": ", 1)))
    if problems:
        raise SpecError(problems)
    return Asked(name, what or (found.what or ("",))[0], output)


def _explain_what(name: str, what: str, allowed: tuple[str, ...]) -> str:
    if what not in WHAT:
        return f"there is no such table; {meant(what, WHAT) or 'there are ' + ', '.join(WHAT)}"
    if not allowed:
        return f"{name} holds one thing only; leave it out, or take --format csv"
    return f"{name} prints {', '.join(allowed)}; take --format csv, json or parquet for {what}"


def export(selection: Selection, asked: Asked) -> list[str]:
    """Write an export and return lines to say of it. Raises RatevalError when it cannot be made."""
    found = FORMATS[asked.format]
    module, _, function = found.writer.partition(":")
    write = getattr(import_module(f"rateval.report.export.{module}"), function)
    if found.place == "text":
        write_text(asked.output, write(selection, asked.what))
        return [] if asked.output is None else [f"wrote  {asked.output}"]
    said: list[str] = write(selection, asked.what, asked.output)
    return [f"wrote  {asked.output}", *said]


def _batches(selection: Selection, what: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the columns of a table, and its rows in batches."""
    if what == "rows":
        images = Images(selection)
        return images.schema, iter(images)
    schema, read = (SHIFTS, read_shifts) if what == "shifts" else TABLES[what]
    return schema, _gather(schema, read(selection))


def _gather(schema: pa.Schema, lines: Iterator[dict[str, object]]) -> Iterator[pa.RecordBatch]:
    held: list[dict[str, object]] = []
    for line in lines:
        held.append(line)
        if len(held) == AT_ONCE:
            yield pa.RecordBatch.from_pylist(held, schema=schema)
            held = []
    if held:
        yield pa.RecordBatch.from_pylist(held, schema=schema)


def _text(name: str) -> Callable[[Selection, str], Iterator[str]]:
    def write(selection: Selection, what: str) -> Iterator[str]:
        values = import_module("rateval.report.export.values")
        parts: Iterator[str] = getattr(values, name)(*_batches(selection, what))
        return parts

    return write


_csv, _json = _text("write_csv"), _text("write_json")


def _parquet(selection: Selection, what: str, output: Path) -> list[str]:
    schema, batches = _batches(selection, what)
    with replacing(output) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
    return []
