"""Sizes of a BLIP that answers, and the words that begin and end what it reads and writes.

This module imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rateval.api import RatevalError
from rateval.modelkit import check_table, read_json
from rateval_vlp.answering.params import (
    CAPTION_SIZES,
    VQA_SIZES,
    AnsweringParams,
    BlipCaptionParams,
    BlipVqaParams,
)
from rateval_vlp.architecture import SIZE_NAME, Architecture, blip_architecture
from rateval_vlp.options import ModelOptions
from rateval_vlp.params import RANDOM, BlipParams, BlipSizeParams

QUESTION_BEGINS = "question_begins"
"""Key of a config that rateval wrote: the word before a question."""
_QUESTION_LENGTH = 35
_CAPTION_LENGTH = 40


@dataclass(frozen=True, slots=True)
class AnsweringArchitecture:
    """What is needed to build a BLIP that answers, besides its weights."""

    towers: Architecture
    """Its sizes; ``text_length`` is of a question, or of a caption with its prompt."""
    begin: int
    """Id of the word before an answer, [DEC]."""
    end: int | None
    """Id of the word after it; None takes the vocabulary's [SEP]."""
    question_begins: str = ""
    """Word before a question; empty where none is asked."""
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.1
    """As in BLIP's own med_config.json."""
    assumed: tuple[str, ...] = ()
    """What no file says, in sentences."""

    @property
    def asks(self) -> bool:
        """Whether it is asked questions."""
        return bool(self.question_begins)

    @property
    def encode(self) -> int:
        """Id of [ENC], which the official tokenizer adds after [DEC]."""
        return self.begin + 1


def answering_architecture(params: AnsweringParams, config: Path | None) -> AnsweringArchitecture:
    """Return the facts of a model; ``config`` is a Hugging Face folder's config.json.

    Raises RatevalError when the config is unreadable or describes another model.
    """
    if config is not None and config.name == SIZE_NAME:
        raise RatevalError(
            f"{config}: a dual encoder that rateval exported, which has nothing that answers; use "
            "it as the model blip, or give a checkpoint of BLIP's own for this task"
        )
    asks = isinstance(params, BlipVqaParams)
    size: BlipSizeParams | None = params.size
    if size is None and config is None:
        size = (VQA_SIZES if asks else CAPTION_SIZES)["base"]
    options = None if config is None else _read_options(config, asks)
    towers = blip_architecture(BlipParams(pretrained=RANDOM, size=size), config)
    towers = replace(
        towers, temperature=None, text_length=_QUESTION_LENGTH if asks else _CAPTION_LENGTH
    )
    found = _official(towers) if options is None else _of_folder(towers, options, config)
    if isinstance(params, BlipVqaParams):
        said = None if options is None else options.question_begins
        return _with_question(found, params.question_begins or said, config)
    assert isinstance(params, BlipCaptionParams)
    return found


def _read_options(config: Path, asks: bool) -> ModelOptions:
    content = read_json(config)
    wanted = "BlipForQuestionAnswering" if asks else "BlipForConditionalGeneration"
    if content.get("model_type") != "blip":
        raise RatevalError(
            f"{config}: describes {content.get('model_type')!r}, not 'blip'; give a folder of "
            f"{wanted}"
        )
    return check_table(ModelOptions, content, str(config))


def _official(towers: Architecture) -> AnsweringArchitecture:
    # The official tokenizer adds [DEC] and [ENC] to BERT's words.
    return AnsweringArchitecture(towers, towers.size.vocabulary_size - 2, None)


def _of_folder(
    towers: Architecture, options: ModelOptions, config: Path | None
) -> AnsweringArchitecture:
    text, rows = options.text, towers.size.vocabulary_size
    for name in ("bos_token_id", "sep_token_id"):
        found = getattr(text, name)
        if found is None or found >= rows:
            raise RatevalError(
                f"{config}: text_config.{name} = {found}: must be a row of the word embedding, "
                f"below {rows}; answers begin or end with it: correct it"
            )
    assert text.bos_token_id is not None
    return AnsweringArchitecture(
        towers,
        text.bos_token_id,
        text.sep_token_id,
        hidden_dropout=text.hidden_dropout_prob,
        attention_dropout=text.attention_probs_dropout_prob,
    )


def _with_question(
    found: AnsweringArchitecture, given: str | None, config: Path | None
) -> AnsweringArchitecture:
    size = found.towers.size
    if size.width != size.text_width:
        raise RatevalError(
            f"{config}: vision_config.hidden_size = {size.width} and text_config.hidden_size = "
            f"{size.text_width}: must be equal, as transformers gives the decoder of answers keys "
            "of the image's width; give a folder of BLIP with ViT-B"
        )
    word = given or ("[CLS]" if config is not None else "[ENC]")
    if word == "[ENC]" and found.encode >= size.vocabulary_size:
        raise RatevalError(
            f"question_begins = {word!r}: the word embedding has no row after {found.begin}, "
            'text_config.bos_token_id; set it to "[CLS]"'
        )
    why = "as transformers' processor does" if config is not None else "as BLIP was trained"
    assumed = () if given else (f"questions begin with {word}, {why}",)
    return replace(found, question_begins=word, assumed=assumed)
