"""A contact sheet of shifts: rows are images and types, columns are severities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from rateval.api.component import Context
from rateval.api.training import Monitor
from rateval.api.values import Sample, Skipped
from rateval.data.checked_shift import CheckedShift
from rateval.data.shapes import leave_out_long
from rateval.errors import RatevalError
from rateval.inspection.opening import TEST, Opened
from rateval.inspection.reading import read_ahead
from rateval.inspection.sheet.drawing import draw_evidence
from rateval.inspection.sheet.html import write_html
from rateval.inspection.sheet.lettering import SIZE, write
from rateval.inspection.sheet.picking import Candidate, find_candidates, find_label, pick
from rateval.inspection.sheet.png import write_png
from rateval.inspection.sheet.tiles import Tile, describe_evidence
from rateval.inspection.sheet.write import Files, require_place, save
from rateval.plan.cells import Choice
from rateval.plan.seeds import object_seed
from rateval.workbench.build import build, check_handed_over

_SIDE = 180
"""Pixels of a picture's longer side."""
_MOST = 2000
"""Pictures that a person looks at, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    name: str
    titles: tuple[str, ...]
    shifts: tuple[CheckedShift, ...]


def write_shifts(
    opened: Opened,
    choices: Sequence[Choice],
    files: Files,
    monitor: Monitor,
    context: Context,
    *,
    count: int,
    class_name: str | None,
    seed: int,
) -> str | None:
    """Write test images as they are and shifted; return what is on the sheet.

    None, and no file, where there is no image. Raises RatevalError as ``write_sheet`` does.
    """
    for path in filter(None, (files.html, files.png)):
        require_place(path)
    _require_few(count, len(choices))
    splits = {TEST: opened.splits[TEST]}
    label = None if class_name is None else find_label(opened, class_name)
    found = find_candidates(opened, splits, (), monitor, context.readers, label=label)
    if not found:
        return None
    picked = pick(found, count)
    rows = _make_rows(opened, choices, context, seed)
    tasks = [(one, row) for one in picked for row in rows]

    def make(task: tuple[Candidate, _Row]) -> Tile:
        return _make_tile(opened, *task)

    monitor.begin(len(tasks))
    tiles = []
    for tile in read_ahead(make, tasks, context.readers):
        tiles.append(tile)
        monitor.advance(1)
    images = f"{len(picked)} of {len(opened.splits[TEST]):,} test samples"
    said = f"{images}, {len(choices)} shift{'s' if len(choices) > 1 else ''}"
    if files.html is not None:
        save(files.html, write_html(opened.label, [said], tiles))
    if files.png is not None:
        save(files.png, write_png(f"{opened.label}: {said}", tiles, _SIDE))
    return said


def _require_few(count: int, shifts: int) -> None:
    """Raise RatevalError where nobody looks at as many pictures."""
    if count * (shifts + 1) > _MOST:
        raise RatevalError(
            f"--count {count}: with {shifts:,} shifts it makes more than {_MOST:,} pictures; "
            "take fewer images, or fewer shifts by --type and --severity"
        )


def _make_rows(
    opened: Opened, choices: Sequence[Choice], context: Context, seed: int
) -> list[_Row]:
    """Make the shifts, each as it acts on the whole test split, grouped by family and type."""
    groups: dict[str, list[Choice]] = {}
    for choice in choices:
        assert choice.shift is not None
        groups.setdefault(choice.shift.plain.text, []).append(choice)
    rows = []
    for name, group in groups.items():
        titles, shifts = ["as it is"], []
        for choice in group:
            own = object_seed(choice, seed)
            made = build(choice, replace(context, seed=own or 0))
            checked: CheckedShift = check_handed_over(choice, made, own)
            shifts.append(checked.among(opened.splits[TEST]))
            severity = choice.shift.severity if choice.shift else None
            titles.append("shifted" if severity is None else f"severity {severity}")
        rows.append(_Row(name, tuple(titles), tuple(shifts)))
    return rows


def _make_tile(opened: Opened, one: Candidate, row: _Row) -> Tile:
    (sample,) = leave_out_long(opened.splits[TEST].samples([one.at]))
    if isinstance(sample, Skipped):
        return Tile(sample.id, TEST, row.name, (), (sample.reason,), skipped=True)
    pictures = [draw_evidence(sample.image, sample.mask, _SIDE)]
    lines = [f"{opened.classes[sample.label]}, {describe_evidence(sample.mask)}"]
    for title, shift in zip(row.titles[1:], row.shifts, strict=True):
        shifted = shift.apply(sample)
        if isinstance(shifted, Skipped):
            lines.append(f"{title}: skipped: {shifted.reason}")
            pictures.append(_draw_nothing(sample))
        else:
            pictures.append(draw_evidence(shifted.image, shifted.mask, _SIDE))
    return Tile(
        sample.id, TEST, row.name, tuple(pictures), tuple(dict.fromkeys(lines)), titles=row.titles
    )


def _draw_nothing(sample: Sample) -> Image.Image:
    """Return a picture in the place of one that there isn't."""
    scale = _SIDE / max(sample.image.size)
    size = max(1, round(sample.image.width * scale)), max(1, round(sample.image.height * scale))
    picture = Image.new("RGB", size, "#d8d8de")
    write(ImageDraw.Draw(picture), (8, 8), "skipped", "#5b5b66", SIZE)
    return picture
