"""Conformance suites for plugin authors: each check raises when an object breaks a promise.

A test of a plugin is one line per component::

    from rateval.testing import check_component
    from my_plugin.plugin import MY_ATTRIBUTION

    def test_conformance():
        check_component(MY_ATTRIBUTION, "attribution", layers="last")

``check_component`` looks at the declaration, builds the object with the params given, and hands it
to the check of its kind; those can be called directly, too. Everything that a check needs besides
the object is drawn in memory: ``tiny_model`` and ``tiny_dataset`` need no download and serve an
author's own tests as well.
"""

from __future__ import annotations

from rateval.testing.answering.attributions import check_text_attribution
from rateval.testing.answering.tasks import check_task
from rateval.testing.answering.texts import check_text_model
from rateval.testing.attributions import check_attribution
from rateval.testing.components import check_component, check_declaration
from rateval.testing.datasets import check_dataset
from rateval.testing.executors import check_executor
from rateval.testing.failure import ConformanceError
from rateval.testing.finetuners import check_finetuner
from rateval.testing.gate import assert_gate
from rateval.testing.judging.metrics import check_metric
from rateval.testing.judging.validators import check_validator
from rateval.testing.logbook import RecordingLogbook
from rateval.testing.models import check_model
from rateval.testing.shifts import check_shift
from rateval.testing.tiny.dataset import TinyDataset, tiny_dataset
from rateval.testing.tiny.model import TinyModel, tiny_classifier, tiny_model
from rateval.testing.tiny.texts import TinyTextModel, tiny_answerer, tiny_text_model
from rateval.testing.trackers import check_tracker

__all__ = [
    "ConformanceError",
    "RecordingLogbook",
    "TinyDataset",
    "TinyModel",
    "TinyTextModel",
    "assert_gate",
    "check_attribution",
    "check_component",
    "check_dataset",
    "check_declaration",
    "check_executor",
    "check_finetuner",
    "check_metric",
    "check_model",
    "check_shift",
    "check_task",
    "check_text_attribution",
    "check_text_model",
    "check_tracker",
    "check_validator",
    "tiny_answerer",
    "tiny_classifier",
    "tiny_dataset",
    "tiny_model",
    "tiny_text_model",
]
