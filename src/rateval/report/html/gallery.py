"""The pictures of a page, and what is known of each."""

from __future__ import annotations

from typing import Any

from rateval.records.run import RunRecord


def gallery_data(record: RunRecord, budget_bytes: int, pictures: bool) -> dict[str, Any]:
    """Return what the gallery shows, as JSON values of at most ``budget_bytes``."""
    return {}
