"""What is used of LAVIS, imported all at once and quietly, and kept off the network.

LAVIS and its pinned libraries date from 2022 and warn of names that newer ones will drop; nobody
who runs a study can do anything about them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from os import devnull
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lavis.common.registry import registry
    from lavis.models.albef_models.albef_feature_extractor import AlbefFeatureExtractor
    from lavis.models.albef_models.albef_vqa import AlbefVQA
    from lavis.models.blip_models.blip_feature_extractor import BlipFeatureExtractor
    from lavis.models.med import BertLMHeadModel, BertSelfAttention, XBertEncoder
    from lavis.models.vit import Attention, VisionTransformerEncoder, interpolate_pos_embed
    from lavis.processors.blip_processors import BlipQuestionProcessor
    from transformers import BatchEncoding, BertConfig, BertTokenizer
    from transformers.models.bert.tokenization_bert_fast import BertTokenizerFast

__all__ = [
    "Attention",
    "BatchEncoding",
    "BertConfig",
    "BertLMHeadModel",
    "BertSelfAttention",
    "BertTokenizer",
    "BertTokenizerFast",
    "BlipQuestionProcessor",
    "OfflineAlbef",
    "OfflineAlbefVqa",
    "OfflineBlip",
    "VisionTransformerEncoder",
    "XBertEncoder",
    "interpolate_pos_embed",
    "quiet",
    "registry",
]


class OfflineAlbef(AlbefFeatureExtractor):  # type: ignore[misc]  # LAVIS ships no types
    """LAVIS' class, but for the tokenizer, which its constructor would download."""

    @classmethod
    def init_tokenizer(cls) -> None:
        """Return nothing; ``rateval_lavis.tokens`` reads the vocabulary when it is needed."""


class OfflineAlbefVqa(AlbefVQA):  # type: ignore[misc]  # LAVIS ships no types
    """LAVIS' class, but for the tokenizer, which its constructor would download."""

    @classmethod
    def init_tokenizer(cls) -> None:
        """Return nothing; ``rateval_lavis.answering.words`` reads the vocabulary."""


class OfflineBlip(BlipFeatureExtractor):  # type: ignore[misc]  # LAVIS ships no types
    """LAVIS' class, but for the tokenizer, which its constructor would download."""

    @classmethod
    def init_tokenizer(cls) -> None:
        """Return nothing; ``rateval_lavis.tokens`` reads the vocabulary when it is needed."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what LAVIS prints from standard output, which is the report's."""
    with Path(devnull).open("w") as nothing, redirect_stdout(nothing):
        yield
