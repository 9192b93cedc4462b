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
    from rateval.bert_vocabulary import cached_bert_vocabulary as cached_bert_vocabulary
    from rateval.bert_vocabulary import require_bert_vocabulary as require_bert_vocabulary
    from rateval.bert_vocabulary import require_bert_words as require_bert_words
    from rateval.bert_vocabulary import require_vocabulary_size as require_vocabulary_size
    from rateval.channels import ImageMean as ImageMean
    from rateval.channels import ImageStd as ImageStd
    from rateval.checkpoint_file import read_state_dict as read_state_dict
    from rateval.digests import digest_files as digest_files
    from rateval.geometry import Geometry as Geometry
    from rateval.json_file import read_json as read_json
    from rateval.layers import choose_layers as choose_layers
    from rateval.params import Params as Params
    from rateval.prompts import PromptTemplates as PromptTemplates
    from rateval.prompts import fill_prompts as fill_prompts
    from rateval.recording import Attend as Attend
    from rateval.recording import attend_fused as attend_fused
    from rateval.recording import attend_plainly as attend_plainly
    from rateval.recording import record_probabilities as record_probabilities
    from rateval.recording import replaced_forward as replaced_forward
    from rateval.recording import softmax_in_graph as softmax_in_graph
    from rateval.tower_sizes import TowerSizeParams as TowerSizeParams
    from rateval.weights import require_same_weights as require_same_weights
    from rateval.wording import list_some as list_some
    from rateval.wording import suggest as suggest

_ON_FIRST_USE = {
    "Attend": "rateval.recording",
    "Batch": "rateval.batches",
    "Geometry": "rateval.geometry",
    "ImageMean": "rateval.channels",
    "ImageStd": "rateval.channels",
    "Params": "rateval.params",
    "PromptTemplates": "rateval.prompts",
    "TowerSizeParams": "rateval.tower_sizes",
    "attend_fused": "rateval.recording",
    "attend_plainly": "rateval.recording",
    "cached_bert_vocabulary": "rateval.bert_vocabulary",
    "choose_layers": "rateval.layers",
    "digest_files": "rateval.digests",
    "fill_prompts": "rateval.prompts",
    "list_some": "rateval.wording",
    "load_batches": "rateval.batches",
    "read_json": "rateval.json_file",
    "read_state_dict": "rateval.checkpoint_file",
    "record_probabilities": "rateval.recording",
    "replaced_forward": "rateval.recording",
    "require_bert_vocabulary": "rateval.bert_vocabulary",
    "require_bert_words": "rateval.bert_vocabulary",
    "require_same_weights": "rateval.weights",
    "require_vocabulary_size": "rateval.bert_vocabulary",
    "softmax_in_graph": "rateval.recording",
    "suggest": "rateval.wording",
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
    "ImageMean",
    "ImageStd",
    "Metric",
    "Model",
    "ModelCard",
    "Monitor",
    "Outcomes",
    "Params",
    "PluginError",
    "PromptTemplates",
    "RatevalError",
    "Readout",
    "Sample",
    "Score",
    "Shift",
    "Skipped",
    "Split",
    "TowerSizeParams",
    "Validator",
    "Verdict",
    "attend_fused",
    "attend_plainly",
    "cached_bert_vocabulary",
    "choose_layers",
    "digest_files",
    "fill_prompts",
    "hookimpl",
    "list_some",
    "load_batches",
    "read_json",
    "read_state_dict",
    "record_probabilities",
    "replaced_forward",
    "require_bert_vocabulary",
    "require_bert_words",
    "require_same_weights",
    "require_vocabulary_size",
    "softmax_in_graph",
    "suggest",
]


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
