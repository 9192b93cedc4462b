"""The factory of vlm."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from rateval.api import Context, ModelCard, RatevalError
from rateval.modelkit import list_some
from rateval_hf.export import no_progress_bar
from rateval_hf.options import CONFIG_NAME
from rateval_hf.writing.family import Family
from rateval_hf.writing.files import folder_of, locate_weights, read_ends
from rateval_hf.writing.llava import make_llava
from rateval_hf.writing.model import Vlm
from rateval_hf.writing.options import Kind, read_config
from rateval_hf.writing.params import QUESTION, VlmParams
from rateval_hf.writing.qwen import make_qwen
from rateval_hf.writing.tiles import make_tiles
from rateval_hf.writing.words import Words

# Counters and frequencies that older versions of transformers saved.
_IGNORED = re.compile(r".*\.(position_ids|rotary_emb\.inv_freq|rotary_pos_emb\.inv_freq)")
_FAMILIES: Mapping[Kind, Callable[[Any, VlmParams, Path, Path], Family]] = {
    "llava": make_llava,
    "idefics3": make_tiles,
    "smolvlm": make_tiles,
    "qwen2_vl": make_qwen,
    "qwen2_5_vl": make_qwen,
}


def make_vlm(params: VlmParams, context: Context) -> Vlm:
    """Build the folder's model on the context's device, in its dtype.

    Raises RatevalError for a folder that lacks a file or holds a model of another family, for
    weights that are unsafe or not those of its config, and for params that don't fit the model.
    """
    _require_version(transformers.__version__)
    folder = folder_of(params)
    path = folder / CONFIG_NAME
    kind, options = read_config(path)
    try:
        config = transformers.AutoConfig.for_model(kind, **options)
    except Exception as error:  # the config is the only cause there is
        raise RatevalError(
            f"{path}: transformers cannot build this config: {type(error).__name__}: {error}"
        ) from error
    family = _FAMILIES[kind](config, params, folder, path)
    # QUESTION stands for the image's word, which the tokenizer knows.
    image, ends = family.expand(QUESTION), read_ends(folder, options)
    words = Words(params, config.image_token_id, image, ends)
    rows = config.get_text_config().vocab_size
    if len(words) > rows:
        raise RatevalError(
            f"{folder}: its tokenizer has {len(words)} words, but its model {rows}; give the "
            "tokenizer that belongs to it"
        )
    weights = locate_weights(folder)
    module, ignored = _load(folder, config, getattr(torch, context.dtype))
    card = _make_card(kind, config, family, weights[0])
    card = replace(card, keys_used=len(module.state_dict()), keys_ignored=ignored)
    return Vlm(module.to(context.device), family, words, card, folder, params.max_new_tokens)


def _require_version(version: str) -> None:
    # Before 5, towers were laid out and called otherwise.
    if int(version.partition(".")[0]) < 5:
        raise RatevalError(
            f"transformers {version}: vlm needs 5.0 or later; update it by "
            "pip install -U 'transformers>=5'"
        )


def _load(folder: Path, config: Any, dtype: torch.dtype) -> tuple[Any, tuple[str, ...]]:
    """Load every weight of transformers' own class for ``config``, in eval mode.

    Returns the module and the keys that have no use.
    """
    try:
        with no_progress_bar():
            # Nothing is downloaded, unpickled or run: a config that is given is not read again.
            load: Any = transformers.AutoModelForImageTextToText.from_pretrained
            module, told = load(
                str(folder),
                config=config,
                dtype=dtype,
                attn_implementation="sdpa",
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except Exception as error:  # the files are the only cause there is
        reason = str(error).strip().partition("\n")[0]
        raise RatevalError(
            f"{folder}: its weights cannot be loaded: {type(error).__name__}: {reason}; give those "
            "that were saved with its config.json"
        ) from error
    unexpected = sorted(told["unexpected_keys"])
    ignored = tuple(key for key in unexpected if _IGNORED.fullmatch(key))
    _require_whole(
        folder,
        {
            "missing": sorted(told["missing_keys"]),
            "unexpected": [key for key in unexpected if key not in ignored],
            "of another shape": sorted(map(str, told["mismatched_keys"])),
        },
    )
    return module.eval(), ignored


def _require_whole(folder: Path, faults: Mapping[str, list[str]]) -> None:
    said = [f"{len(keys)} {what} ({list_some(keys)})" for what, keys in faults.items() if keys]
    if said:
        raise RatevalError(
            f"{folder}: the keys of its weights are not those of its config.json: "
            f"{'; '.join(said)}. Loaded like that, the results would be those of partly random "
            "weights; give the weights that were saved with this config"
        )


def _make_card(kind: Kind, config: Any, family: Family, checkpoint: Path) -> ModelCard:
    text, vision = config.get_text_config(), config.vision_config
    return ModelCard(
        architecture=(
            f"{kind} (vision patch {vision.patch_size} of {family.side} px, {family.count} image "
            f"tokens; text {text.num_hidden_layers} x {text.hidden_size})"
        ),
        image_size=(family.side, family.side),
        mean=family.preprocessing.mean,
        std=family.preprocessing.std,
        text_length=text.max_position_embeddings,
        head_feature="words",
        licence="unknown",
        source="github.com/huggingface/transformers",
        checkpoint=str(checkpoint),
        assumed=family.preprocessing.assumed,
    )
