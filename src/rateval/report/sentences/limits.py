"""The lines on what a limit left of each split."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.records.about.dataset import DatasetRecord
from rateval.records.run import RunRecord
from rateval.wording import write_count


def explain_limit(record: RunRecord) -> Iterator[str]:
    """Yield how many samples a limit left of each split, and of how many classes."""
    if record.limit is None:
        return
    yield f"limited to {record.limit} samples of every split" + (
        ", equally many of each class as far as it has them: scores are over these balanced "
        "samples, and don't estimate those over the whole data"
        if record.limit_by == "class" and any(_is_narrowed(data) for data in record.datasets)
        else ""
    )
    lines: dict[str, None] = {}  # several seeds may have data of one size
    for data in record.datasets:
        parts = (
            _tell_part(f"test {data.unit}", data.test_count, data.test_of, data.test_classes, data),
            _tell_part(
                f"training {data.unit}", data.train_count, data.train_of, data.train_classes, data
            ),
        )
        if any(parts):
            lines[f"{data.name}: {'; '.join(filter(None, parts))}"] = None
    yield from lines


def _is_narrowed(data: DatasetRecord) -> bool:
    return data.test_of is not None or data.train_of is not None


def _tell_part(
    unit: str, count: int, whole: int | None, classes: int | None, data: DatasetRecord
) -> str:
    if whole is None:
        return ""
    if classes is None:
        of = "drawn whatever their class, which the dataset doesn't list"
    else:
        of = f"from {classes:,} of {len(data.classes):,} classes"
    return f"{count:,} of {write_count(whole, unit)}, {of}"
