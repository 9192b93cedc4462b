"""The only module of rateval that a plugin imports.

Importing it costs no torch and no pydantic: names that need them are fetched on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rateval.component import Component, Context
from rateval.errors import PluginError, RatevalError
from rateval.hookspecs import hookimpl
from rateval.protocols import (
    Attribution,
    Classifier,
    Dataset,
    Finetuner,
    Metric,
    Model,
    Monitor,
    Shift,
    Split,
    Validator,
)
from rateval.records import (
    Explanation,
    ModelCard,
    Outcomes,
    Readout,
    Sample,
    Score,
    Skipped,
    Verdict,
)

if TYPE_CHECKING:
    from rateval.batches import Batch as Batch
    from rateval.batches import load_batches as load_batches
    from rateval.geometry import Geometry as Geometry
    from rateval.params import Params as Params
    from rateval.recording import Attend as Attend
    from rateval.recording import attend_fused as attend_fused
    from rateval.recording import attend_plainly as attend_plainly
    from rateval.recording import record_probabilities as record_probabilities
    from rateval.recording import replaced_forward as replaced_forward
    from rateval.recording import softmax_in_graph as softmax_in_graph

_ON_FIRST_USE = {
    "Attend": "rateval.recording",
    "Params": "rateval.params",
    "Batch": "rateval.batches",
    "Geometry": "rateval.geometry",
    "load_batches": "rateval.batches",
    "attend_fused": "rateval.recording",
    "attend_plainly": "rateval.recording",
    "record_probabilities": "rateval.recording",
    "replaced_forward": "rateval.recording",
    "softmax_in_graph": "rateval.recording",
}

__all__ = [
    "Attend",
    "Attribution",
    "Batch",
    "Classifier",
    "Component",
    "Context",
    "Dataset",
    "Explanation",
    "Finetuner",
    "Geometry",
    "Metric",
    "Model",
    "ModelCard",
    "Monitor",
    "Outcomes",
    "Params",
    "PluginError",
    "RatevalError",
    "Readout",
    "Sample",
    "Score",
    "Shift",
    "Skipped",
    "Split",
    "Validator",
    "Verdict",
    "attend_fused",
    "attend_plainly",
    "hookimpl",
    "load_batches",
    "record_probabilities",
    "replaced_forward",
    "softmax_in_graph",
]


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
