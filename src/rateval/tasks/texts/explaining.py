"""Texts handed to an attribution."""

from __future__ import annotations

from typing import Any

from rateval.api.tasks.texts import Answered
from rateval.errors import PluginError


def explain_answers(attribution: Any, classifier: Any, answered: Answered) -> Any:
    """Have an attribution explain answers. Raises PluginError where it can't."""
    explain = getattr(attribution, "explain_answers", None)
    if explain is None:
        raise PluginError(
            "the attribution's component says that it serves a task of texts, and so it must offer "
            "explain_answers (rateval.api.tasks.texts.TextAttribution)",
            kind="attribution",
        )
    return explain(classifier, answered)
