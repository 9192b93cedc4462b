"""What `rateval init` tells of ALBEF and BLIP by the names and shapes of their weights."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rateval.api import RatevalError
from rateval.modelkit import (
    Clues,
    Guess,
    TowerSizeParams,
    cached_bert_vocabulary,
    plain_names,
    read_json,
    read_state_dict,
)
from rateval_vlp.architecture import SIZE_NAME
from rateval_vlp.files import CONFIG_NAME
from rateval_vlp.params import ALBEF_SIZES, BLIP_SIZES, QUICKSTART

if TYPE_CHECKING:
    import torch

Family = Literal["albef", "blip"]
_ANCHOR = "visual_encoder.patch_embed.proj.weight"
_FUSED = re.compile(r"text_encoder\.encoder\.layer\.(\d+)\.(crossattention\.)?")
_COMPARED = (
    *(_ANCHOR, "visual_encoder.cls_token", "visual_encoder.pos_embed", "text_proj.weight"),
    "vision_proj.weight",
)
_NEAR = 0.5
"""Distance below which weights come from those: apart from one another they are about 1.4."""
_FOLDERS = Path(__file__).parent / "quickstart"


def detect_albef(clues: Clues) -> Guess | None:
    """Return ALBEF with its sizes; None for other names of weights."""
    return _detect(clues, "albef")


def detect_blip(clues: Clues) -> Guess | None:
    """Return BLIP with its sizes; None for other names of weights."""
    return _detect(clues, "blip")


def _detect(clues: Clues, family: Family) -> Guess | None:
    if clues.checkpoint is None or clues.file is None:
        return None
    folder = clues.file.parent
    if family == "blip" and _is_hugging_face(folder):
        return _as_it_lies(clues, "BLIP in a folder of transformers'", {"pretrained": str(folder)})
    for names in plain_names(clues.weights, _ANCHOR).values():
        given = {_plain(name): clues.weights[key] for name, key in names.items()}
        if _family(given) != family:
            return None
        return _of_weights(clues, family, given)
    return None


def _plain(name: str) -> str:
    return name.replace("text_encoder.bert.", "text_encoder.", 1)


def _family(given: Mapping[str, Any]) -> Family | None:
    """Return the family: ALBEF's BERT tells apart segments of text, BLIP's doesn't."""
    if "text_encoder.embeddings.word_embeddings.weight" not in given:
        return None
    token_types = "text_encoder.embeddings.token_type_embeddings.weight" in given
    return "albef" if token_types else "blip"


def _is_hugging_face(folder: Path) -> bool:
    try:
        return bool(read_json(folder / CONFIG_NAME).get("model_type") == "blip")
    except (RatevalError, OSError):
        return False


def _of_weights(clues: Clues, family: Family, given: Mapping[str, torch.Tensor]) -> Guess:
    name = family.upper()
    why = f"{name} by the names of its weights"
    size = _size(given)
    if size is None:
        return Guess(why, sure=3, lacks="weights of both towers; give the whole checkpoint")
    why += (
        f": image tower {size['depth']} × {size['width']}, patches of {size['patch_size']} of "
        f"{size['image_size']} pixels, text {size['text_layers']} × {size['text_width']}"
    )
    base, distance = _nearest(clues, family, given)
    table, unknown = _named_size(family, size)
    sizes = {"features": size["width"]}
    if base is not None:
        params = {} if base == QUICKSTART else {"pretrained": base} | table
        how = "as --base says" if clues.base else f"{100 * distance:.0f} % away, so it began there"
        return with_words(Guess(f"{why}; from {base} ({how})", params, 3, unknown, sizes=sizes))
    beside = (clues.file.parent / SIZE_NAME).is_file() if clues.file is not None else False
    place = str(clues.file.parent if beside and clues.file is not None else clues.file)
    params = {"pretrained": place} | ({} if beside else table)
    return with_words(_as_it_lies(clues, why, params, unknown, sizes))


def _as_it_lies(
    clues: Clues,
    why: str,
    params: Mapping[str, Any],
    unknown: tuple[str, ...] = (),
    sizes: Mapping[str, int] | None = None,
) -> Guess:
    where = (
        "the model before its fine-tuning, which is not found on this computer. Zero-shot needs "
        "it: name it by --base, or fetch it (rateval model fetch, docs/checkpoints.md) and call "
        "rateval init again, or set pretrained in [[model]]"
    )
    return Guess(
        why,
        dict(params) | ({"weights": "ema"} if clues.averaged else {}),
        3,
        (where, *unknown),
        {"pretrained": "path of the weights from before"},
        sizes or {},
        pristine=False,
    )


def with_words(guess: Guess) -> Guess:
    """Return a guess that lacks BERT's words where they are nowhere on this computer."""
    path = guess.params.get("pretrained")
    own = path is None or (Path(str(path)) / "vocab.txt").is_file()
    if own or cached_bert_vocabulary() is not None:
        return guess
    return Guess(
        guess.why,
        sure=guess.sure,
        lacks="the words of bert-base-uncased, which are not in the cache of Hugging Face: fetch "
        "its vocab.txt while there is a network, or put it beside the weights with size.json",
    )


def _size(given: Mapping[str, torch.Tensor]) -> dict[str, int] | None:
    """Return the sizes that shapes tell: all but the numbers of heads, which they don't."""
    try:
        patches = given[_ANCHOR]
        places = given["visual_encoder.pos_embed"]
        words = given["text_encoder.embeddings.word_embeddings.weight"]
        inner = given["text_encoder.encoder.layer.0.intermediate.dense.weight"]
        positions = given["text_encoder.embeddings.position_embeddings.weight"]
        projection = given["vision_proj.weight"]
    except KeyError:
        return None
    layers = {m[1] for key in given if (m := _FUSED.match(key))}
    fused = {m[1] for key in given if (m := _FUSED.match(key)) and m[2]}
    # ALBEF's upper layers fuse; of BLIP's each has a cross-attention, and text runs them all.
    own = layers if _family(given) == "blip" else layers - fused
    patch = patches.shape[-1]
    return {
        "image_size": math.isqrt(max(places.shape[1] - 1, 0)) * patch,
        "patch_size": patch,
        "width": patches.shape[0],
        "depth": len({key.split(".")[2] for key in given if key.startswith("visual_encoder.bl")}),
        "text_width": words.shape[1],
        "text_layers": len(own),
        "text_intermediate": inner.shape[0],
        "vocabulary_size": words.shape[0],
        "max_positions": positions.shape[0],
        "embedding": projection.shape[0],
    }


def _named_size(family: Family, size: Mapping[str, int]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the param of a size, and what is open about it."""
    presets: Mapping[str, TowerSizeParams] = ALBEF_SIZES if family == "albef" else BLIP_SIZES
    for name, preset in presets.items():
        own = preset.model_dump()
        if all(own[key] == value for key, value in size.items() if key != "image_size"):
            table: dict[str, Any] = {"size": name} if name != "base" else {}
            if own["image_size"] != size["image_size"]:
                differing = {k: v for k, v in own.items() if v != presets["base"].model_dump()[k]}
                table = {"size": {**differing, "image_size": size["image_size"]}}
            return table, ()
    quick = read_json(_FOLDERS / family / SIZE_NAME)
    if all(quick[key] == value for key, value in size.items()):
        return {"size": quick}, ()
    heads = {"heads": max(1, size["width"] // 64), "text_heads": max(1, size["text_width"] // 64)}
    question = (
        f"the numbers of attention heads, which shapes don't tell: {heads['heads']} and "
        f"{heads['text_heads']} are taken, each of them 64 wide as in the published models"
    )
    return {"size": dict(size) | heads}, (question,)


def _nearest(
    clues: Clues, family: Family, given: Mapping[str, torch.Tensor]
) -> tuple[str | None, float]:
    from rateval.modelkit import relative_distance

    found: list[tuple[float, str]] = []
    for name, file in _bases(clues, family):
        if file == clues.file:
            continue
        try:
            other = {_plain(key): value for key, value in read_state_dict(file).items()}
        except RatevalError:
            if clues.base:
                raise
            continue  # a file that nobody asked for
        distance = relative_distance(given, other, _COMPARED)
        if distance is not None and _family(other) == family and (clues.base or distance <= _NEAR):
            found.append((distance, name))
    if clues.base and not found:
        raise RatevalError(
            f"--base {clues.base}: not the weights of {family.upper()} with these sizes; give the "
            "file that the fine-tuning began with"
        )
    if not found:
        return None, 0.0
    distance, name = min(found)
    return name, distance


def _bases(clues: Clues, family: Family) -> Iterator[tuple[str, Path]]:
    quick = QUICKSTART, _FOLDERS / family / "model.safetensors"
    if clues.base:
        yield quick if clues.base == QUICKSTART else (clues.base, Path(clues.base).expanduser())
        return
    yield quick
    for path in sorted(clues.downloads.glob("*.pth")) if clues.downloads.is_dir() else ():
        yield str(path), path
