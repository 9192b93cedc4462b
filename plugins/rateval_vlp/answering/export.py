"""A BLIP that answers as a folder that transformers loads by ``from_pretrained``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rateval.modelkit import copy_tokenizer, read_json, write_json, write_safetensors
from rateval_vlp.answering.architecture import QUESTION_BEGINS, AnsweringArchitecture
from rateval_vlp.answering.keys import list_tied
from rateval_vlp.answering.words import Words
from rateval_vlp.export import copy_vocabulary, image_processor
from rateval_vlp.files import CONFIG_NAME, PREPARATION

_TOKENIZER_CONFIG = "tokenizer_config.json"


def write_folder(
    folder: Path,
    module: Any,
    architecture: AnsweringArchitecture,
    words: Words,
    mean: Sequence[float],
    std: Sequence[float],
) -> tuple[Path, ...]:
    """Write config, weights, image processor and tokenizer; return what was written.

    The config also says by which word questions begin, which transformers doesn't read.
    """
    config = folder / CONFIG_NAME
    module.config.save_pretrained(folder)
    content = read_json(config) | {"architectures": [type(module).__name__]}
    # Of official weights the vocabulary alone says how an answer ends.
    content["text_config"] |= {"sep_token_id": words.end, "eos_token_id": words.end}
    if architecture.asks:
        content[QUESTION_BEGINS] = architecture.question_begins
    write_json(config, content)
    tied = list_tied(module)
    state = {name: value for name, value in module.state_dict().items() if name not in tied}
    weights = write_safetensors(state, folder / "model.safetensors")
    side = architecture.towers.size.image_size
    write_json(folder / PREPARATION, image_processor(side, mean, std))
    files = (config, weights, folder / PREPARATION)
    if (words.path.parent / _TOKENIZER_CONFIG).is_file():
        return (*files, *copy_tokenizer(words.path.parent, folder))
    return (*files, *copy_vocabulary(words.path, folder))
