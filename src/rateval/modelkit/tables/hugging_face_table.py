"""What every config.json of transformers may hold besides a model's own options."""

from __future__ import annotations

from typing import ClassVar

from rateval.modelkit.tables.foreign_table import ForeignTable

# What transformers writes, or once wrote, into every config, and no image-text model is built by.
_NOTES = frozenset(
    [
        "_attn_implementation_autoset",
        "_commit_hash",
        "_name_or_path",
        "add_cross_attention",
        "architectures",
        "bad_words_ids",
        "begin_suppress_tokens",
        "chunk_size_feed_forward",
        "cross_attention_hidden_size",
        "decoder_start_token_id",
        "diversity_penalty",
        "do_sample",
        "dtype",
        "early_stopping",
        "encoder_no_repeat_ngram_size",
        "exponential_decay_length_penalty",
        "finetuning_task",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "gradient_checkpointing",
        "id2label",
        "is_composition",
        "is_encoder_decoder",
        "label2id",
        "length_penalty",
        "license",
        "max_length",
        "min_length",
        "model_type",
        "no_repeat_ngram_size",
        "num_beam_groups",
        "num_beams",
        "num_return_sequences",
        "output_attentions",
        "output_hidden_states",
        "output_scores",
        "prefix",
        "problem_type",
        "processor_class",
        "pruned_heads",
        "remove_invalid_values",
        "repetition_penalty",
        "return_dict",
        "return_dict_in_generate",
        "suppress_tokens",
        "task_specific_params",
        "temperature",
        "tf_legacy_loss",
        "tie_encoder_decoder",
        "tokenizer_class",
        "top_k",
        "top_p",
        "torch_dtype",
        "torchscript",
        "transformers_version",
        "transformers.js_config",
        "typical_p",
        "use_bfloat16",
        "use_cache",
    ]
)


class HuggingFaceTable(ForeignTable):
    """The options of a table in config.json that reach transformers.

    What is written into every config is left out; code, kernels and quantisers are refused.
    """

    inert: ClassVar[frozenset[str]] = _NOTES
