"""What a report says of explainers that explain different numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from rateval.report.sentences.targets import explain_targets


def explain(*scores: str | None) -> dict[str, str]:
    entries: list[dict[str, Any]] = [
        {"name": f"{at} {score}", "params": {} if score is None else {"score": score}}
        for at, score in enumerate(scores)
    ]
    record = SimpleNamespace(spec_resolved={"attribution": entries})
    return dict(explain_targets(cast(Any, record)))


def test_each_explainer_is_told_where_they_differ() -> None:
    told = explain("raw", "margin", None, "raw")
    assert list(told) == ["0 raw", "3 raw", "1 margin"]
    assert told["0 raw"] == told["3 raw"] != told["1 margin"]
    assert "minus the mean of all classes" in told["1 margin"]


def test_nothing_is_told_where_all_explain_the_same() -> None:
    assert explain("raw", None) == explain("margin", "margin") == explain(None) == {}
