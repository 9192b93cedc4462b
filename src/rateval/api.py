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
    Logbook,
    Metric,
    Model,
    Monitor,
    Shift,
    Split,
    Validator,
)
from rateval.records import (
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

if TYPE_CHECKING:
    from rateval.batches import Batch as Batch
    from rateval.batches import load_batches as load_batches
    from rateval.batches import load_chunks as load_chunks
    from rateval.modelkit.bert_vocabulary import cached_bert_vocabulary as cached_bert_vocabulary
    from rateval.modelkit.bert_vocabulary import require_bert_vocabulary as require_bert_vocabulary
    from rateval.modelkit.bert_vocabulary import require_bert_words as require_bert_words
    from rateval.modelkit.bert_vocabulary import require_vocabulary_size as require_vocabulary_size
    from rateval.modelkit.channels import ImageMean as ImageMean
    from rateval.modelkit.channels import ImageStd as ImageStd
    from rateval.modelkit.checkpoint_file import read_state_dict as read_state_dict
    from rateval.modelkit.checkpoint_writing import copy_file as copy_file
    from rateval.modelkit.checkpoint_writing import copy_tokenizer as copy_tokenizer
    from rateval.modelkit.checkpoint_writing import write_safetensors as write_safetensors
    from rateval.modelkit.checkpoint_writing import (
        write_salesforce_checkpoint as write_salesforce_checkpoint,
    )
    from rateval.modelkit.digests import digest_files as digest_files
    from rateval.modelkit.foreign_table import ForeignDepth as ForeignDepth
    from rateval.modelkit.foreign_table import ForeignMean as ForeignMean
    from rateval.modelkit.foreign_table import ForeignPair as ForeignPair
    from rateval.modelkit.foreign_table import ForeignRows as ForeignRows
    from rateval.modelkit.foreign_table import ForeignSize as ForeignSize
    from rateval.modelkit.foreign_table import ForeignStd as ForeignStd
    from rateval.modelkit.foreign_table import ForeignTable as ForeignTable
    from rateval.modelkit.foreign_table import check_table as check_table
    from rateval.modelkit.foreign_table import require_buildable as require_buildable
    from rateval.modelkit.geometry import Geometry as Geometry
    from rateval.modelkit.hugging_face_table import HuggingFaceTable as HuggingFaceTable
    from rateval.modelkit.json_file import read_json as read_json
    from rateval.modelkit.layers import choose_layers as choose_layers
    from rateval.modelkit.memory import is_out_of_memory as is_out_of_memory
    from rateval.modelkit.prompts import PromptTemplates as PromptTemplates
    from rateval.modelkit.prompts import fill_prompts as fill_prompts
    from rateval.modelkit.recording import Attend as Attend
    from rateval.modelkit.recording import attend_fused as attend_fused
    from rateval.modelkit.recording import attend_plainly as attend_plainly
    from rateval.modelkit.recording import record_probabilities as record_probabilities
    from rateval.modelkit.recording import replaced_forward as replaced_forward
    from rateval.modelkit.recording import softmax_in_graph as softmax_in_graph
    from rateval.modelkit.tokenizer_folder import tokenizer_options as tokenizer_options
    from rateval.modelkit.tower_sizes import TowerSizeParams as TowerSizeParams
    from rateval.modelkit.weights import require_same_weights as require_same_weights
    from rateval.modelkit.wording import list_some as list_some
    from rateval.modelkit.wording import suggest as suggest
    from rateval.params import Params as Params
    from rateval.store import write_json as write_json

_ON_FIRST_USE = {
    "Attend": "rateval.modelkit.recording",
    "Batch": "rateval.batches",
    "ForeignDepth": "rateval.modelkit.foreign_table",
    "ForeignMean": "rateval.modelkit.foreign_table",
    "ForeignPair": "rateval.modelkit.foreign_table",
    "ForeignRows": "rateval.modelkit.foreign_table",
    "ForeignSize": "rateval.modelkit.foreign_table",
    "ForeignStd": "rateval.modelkit.foreign_table",
    "ForeignTable": "rateval.modelkit.foreign_table",
    "Geometry": "rateval.modelkit.geometry",
    "HuggingFaceTable": "rateval.modelkit.hugging_face_table",
    "ImageMean": "rateval.modelkit.channels",
    "ImageStd": "rateval.modelkit.channels",
    "Params": "rateval.params",
    "PromptTemplates": "rateval.modelkit.prompts",
    "TowerSizeParams": "rateval.modelkit.tower_sizes",
    "attend_fused": "rateval.modelkit.recording",
    "attend_plainly": "rateval.modelkit.recording",
    "cached_bert_vocabulary": "rateval.modelkit.bert_vocabulary",
    "check_table": "rateval.modelkit.foreign_table",
    "choose_layers": "rateval.modelkit.layers",
    "copy_file": "rateval.modelkit.checkpoint_writing",
    "copy_tokenizer": "rateval.modelkit.checkpoint_writing",
    "digest_files": "rateval.modelkit.digests",
    "fill_prompts": "rateval.modelkit.prompts",
    "is_out_of_memory": "rateval.modelkit.memory",
    "list_some": "rateval.modelkit.wording",
    "load_batches": "rateval.batches",
    "load_chunks": "rateval.batches",
    "read_json": "rateval.modelkit.json_file",
    "read_state_dict": "rateval.modelkit.checkpoint_file",
    "record_probabilities": "rateval.modelkit.recording",
    "replaced_forward": "rateval.modelkit.recording",
    "require_bert_vocabulary": "rateval.modelkit.bert_vocabulary",
    "require_bert_words": "rateval.modelkit.bert_vocabulary",
    "require_buildable": "rateval.modelkit.foreign_table",
    "require_same_weights": "rateval.modelkit.weights",
    "require_vocabulary_size": "rateval.modelkit.bert_vocabulary",
    "softmax_in_graph": "rateval.modelkit.recording",
    "suggest": "rateval.modelkit.wording",
    "tokenizer_options": "rateval.modelkit.tokenizer_folder",
    "write_json": "rateval.store",
    "write_safetensors": "rateval.modelkit.checkpoint_writing",
    "write_salesforce_checkpoint": "rateval.modelkit.checkpoint_writing",
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
    "ForeignDepth",
    "ForeignMean",
    "ForeignPair",
    "ForeignRows",
    "ForeignSize",
    "ForeignStd",
    "ForeignTable",
    "Geometry",
    "HuggingFaceTable",
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
    "check_table",
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
    "require_buildable",
    "require_same_weights",
    "require_vocabulary_size",
    "softmax_in_graph",
    "suggest",
    "tokenizer_options",
    "write_json",
    "write_safetensors",
    "write_salesforce_checkpoint",
]


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
