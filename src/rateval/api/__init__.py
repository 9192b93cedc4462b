"""The only module of rateval that a plugin imports.

Importing it costs no torch and no pydantic: names that need them are fetched on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rateval.api.component import Component, Context
from rateval.api.hookspecs import hookimpl
from rateval.api.protocols import (
    Attribution,
    Classifier,
    Dataset,
    Finetuner,
    Logbook,
    Metric,
    Model,
    Monitor,
    Shift,
    Split,
    Validator,
)
from rateval.api.values import (
    Epoch,
    Explanation,
    ModelCard,
    Outcomes,
    Readout,
    Sample,
    Score,
    Skipped,
    Verdict,
)
from rateval.errors import PluginError, RatevalError

if TYPE_CHECKING:
    from rateval.api.params import Params as Params
    from rateval.data.batches import Batch as Batch
    from rateval.data.batches import load_batches as load_batches
    from rateval.data.batches import load_chunks as load_chunks
    from rateval.json_file import read_json as read_json
    from rateval.json_file import write_json as write_json
    from rateval.machine.memory import is_out_of_memory as is_out_of_memory
    from rateval.modelkit.bert_vocabulary import cached_bert_vocabulary as cached_bert_vocabulary
    from rateval.modelkit.bert_vocabulary import require_bert_vocabulary as require_bert_vocabulary
    from rateval.modelkit.bert_vocabulary import require_bert_words as require_bert_words
    from rateval.modelkit.bert_vocabulary import require_vocabulary_size as require_vocabulary_size
    from rateval.modelkit.channels import ImageMean as ImageMean
    from rateval.modelkit.channels import ImageStd as ImageStd
    from rateval.modelkit.digests import digest_files as digest_files
    from rateval.modelkit.geometry import Geometry as Geometry
    from rateval.modelkit.layers import choose_layers as choose_layers
    from rateval.modelkit.prompts import PromptTemplates as PromptTemplates
    from rateval.modelkit.prompts import fill_prompts as fill_prompts
    from rateval.modelkit.reading import read_state_dict as read_state_dict
    from rateval.modelkit.recording import Attend as Attend
    from rateval.modelkit.recording import attend_fused as attend_fused
    from rateval.modelkit.recording import attend_plainly as attend_plainly
    from rateval.modelkit.recording import record_probabilities as record_probabilities
    from rateval.modelkit.recording import replaced_forward as replaced_forward
    from rateval.modelkit.recording import softmax_in_graph as softmax_in_graph
    from rateval.modelkit.tower_sizes import TowerSizeParams as TowerSizeParams
    from rateval.modelkit.weights import require_same_weights as require_same_weights
    from rateval.modelkit.writing import copy_file as copy_file
    from rateval.modelkit.writing import copy_tokenizer as copy_tokenizer
    from rateval.modelkit.writing import write_safetensors as write_safetensors
    from rateval.modelkit.writing import (
        write_salesforce_checkpoint as write_salesforce_checkpoint,
    )
    from rateval.wording import list_some as list_some
    from rateval.wording import suggest as suggest

_ON_FIRST_USE = {
    "Attend": "rateval.modelkit.recording",
    "Batch": "rateval.data.batches",
    "Geometry": "rateval.modelkit.geometry",
    "ImageMean": "rateval.modelkit.channels",
    "ImageStd": "rateval.modelkit.channels",
    "Params": "rateval.api.params",
    "PromptTemplates": "rateval.modelkit.prompts",
    "TowerSizeParams": "rateval.modelkit.tower_sizes",
    "attend_fused": "rateval.modelkit.recording",
    "attend_plainly": "rateval.modelkit.recording",
    "cached_bert_vocabulary": "rateval.modelkit.bert_vocabulary",
    "choose_layers": "rateval.modelkit.layers",
    "copy_file": "rateval.modelkit.writing",
    "copy_tokenizer": "rateval.modelkit.writing",
    "digest_files": "rateval.modelkit.digests",
    "fill_prompts": "rateval.modelkit.prompts",
    "is_out_of_memory": "rateval.machine.memory",
    "list_some": "rateval.wording",
    "load_batches": "rateval.data.batches",
    "load_chunks": "rateval.data.batches",
    "read_json": "rateval.json_file",
    "read_state_dict": "rateval.modelkit.reading",
    "record_probabilities": "rateval.modelkit.recording",
    "replaced_forward": "rateval.modelkit.recording",
    "require_bert_vocabulary": "rateval.modelkit.bert_vocabulary",
    "require_bert_words": "rateval.modelkit.bert_vocabulary",
    "require_same_weights": "rateval.modelkit.weights",
    "require_vocabulary_size": "rateval.modelkit.bert_vocabulary",
    "softmax_in_graph": "rateval.modelkit.recording",
    "suggest": "rateval.wording",
    "write_json": "rateval.store.store",
    "write_safetensors": "rateval.modelkit.writing",
    "write_salesforce_checkpoint": "rateval.modelkit.writing",
}

__all__ = [
    "Attend",
    "Attribution",
    "Batch",
    "Classifier",
    "Component",
    "Context",
    "Dataset",
    "Epoch",
    "Explanation",
    "Finetuner",
    "Geometry",
    "ImageMean",
    "ImageStd",
    "Logbook",
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
    "copy_file",
    "copy_tokenizer",
    "digest_files",
    "fill_prompts",
    "hookimpl",
    "is_out_of_memory",
    "list_some",
    "load_batches",
    "load_chunks",
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
    "write_json",
    "write_safetensors",
    "write_salesforce_checkpoint",
]


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
