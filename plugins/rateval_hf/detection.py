"""What `rateval init` tells of a CLIP or SigLIP of transformers: by names, and by config.json."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import Clues, Guess, plain_names, read_json, read_state_dict
from rateval_hf.files import find_weights
from rateval_hf.options import CONFIG_NAME

_KINDS = ("clip", "siglip")
_ANCHOR = "vision_model.embeddings.patch_embedding.weight"
_PARTS = {"vision_model", "text_model", "visual_projection", "text_projection"}
_PARTS |= {"logit_scale", "logit_bias"}
_COMPARED = (
    *(_ANCHOR, "vision_model.embeddings.position_embedding.weight", "visual_projection.weight"),
    *("text_projection.weight", "text_model.embeddings.token_embedding.weight"),
)
_NEAR = 0.5
"""Distance below which weights come from those: apart from one another they are about 1.4."""


def detect(clues: Clues) -> Guess | None:
    """Return the model of a checkpoint with transformers' names; None where it has others.

    Raises RatevalError for a base that is named and isn't there.
    """
    if clues.checkpoint is None or clues.file is None:
        return None
    if any(".lora_" in name for name in clues.weights):
        return _of_adapter(clues)
    copies = plain_names(clues.weights, _ANCHOR)
    for names in copies.values():
        own = {name for name in names if name.partition(".")[0] in _PARTS}
        whole = any(name.startswith("text_model.") for name in own)
        beside = len(own) < len(clues.weights)
        given = {name: clues.weights[key] for name, key in names.items()}
        if not whole and any(name.startswith("text_") for name in names):
            return None  # BLIP's image tower has the same beginning
        return _of_model(clues, given, plain=whole and not beside, whole=whole)
    return None


def _of_model(clues: Clues, given: dict[str, Any], *, plain: bool, whole: bool) -> Guess:
    why = "a CLIP by transformers' names of its weights" + ("" if whole else ", its image tower")
    base, far = _find_base(clues, given)
    if base is not None:
        return Guess(f"{why}; from {base}{far}", {"folder": base}, 3, sizes=_sizes(Path(base)))
    own = clues.file.parent if clues.file is not None else Path()
    where = (
        "the model before its fine-tuning, which is not found in the cache of Hugging Face. Zero-"
        "shot needs it: name its folder by --base, or as folder of [[model]]"
    )
    if plain and _kind(own) is not None:
        params = {"folder": str(own)} | ({"weights": "ema"} if clues.averaged else {})
        return Guess(
            f"{why}, with its {CONFIG_NAME}",
            params,
            3,
            unknown=(where,),
            fill={"folder": "folder of the model from before"},
            sizes=_sizes(own),
            pristine=False,
        )
    lacks = (
        f"{CONFIG_NAME}, image processor and tokenizer beside it, which CLIPModel and its "
        "processor save"
        if plain
        else "the rest of the model, for these weights are not those of a CLIPModel alone"
    )
    return Guess(why, sure=3, lacks=f"{lacks}: name the folder of the model by --base")


def _of_adapter(clues: Clues) -> Guess | None:
    if not any("vision_model." in n or "text_model." in n for n in clues.weights):
        parts = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj")
        if not any(part in name for name in clues.weights for part in parts):
            return None
    why = "an adapter of a model of transformers'"
    folder = _named(clues.base) if clues.base else None
    if folder is not None:
        return Guess(f"{why}; its base is {folder}", {"folder": str(folder)}, 3)
    said = f"{clues.base}, which is not on this computer" if clues.base else "which it doesn't name"
    return Guess(
        why, sure=3, lacks=f"the model that it was trained on ({said}); name its folder by --base"
    )


def _find_base(clues: Clues, given: dict[str, Any]) -> tuple[str | None, str]:
    if clues.base:
        folder = _named(clues.base)
        if folder is None:
            raise RatevalError(
                f"--base {clues.base}: neither a folder of a CLIPModel or SiglipModel nor one in "
                "the cache of Hugging Face; give its path"
            )
        return str(folder), " (as --base says)"
    from rateval.modelkit import relative_distance

    found = []
    for folder in _cached():
        try:
            other = read_state_dict(find_weights(folder))
        except RatevalError:
            continue  # a folder that nobody asked for
        distance = relative_distance(given, other, _COMPARED)
        if distance is not None and distance <= _NEAR:
            found.append((distance, str(folder)))
    if not found:
        return None, ""
    distance, nearest = min(found)
    return nearest, f" ({100 * distance:.0f} % away, so it began with its weights)"


def _named(base: str) -> Path | None:
    """Return the folder of a model by its path or, in the cache, by its published name."""
    folder = Path(base).expanduser()
    if folder.is_dir():
        return folder if _kind(folder) is not None else None
    if "/" not in base or find_spec("huggingface_hub") is None:
        return None
    return next((found for found in _cached(base) if _kind(found) is not None), None)


def _cached(name: str = "*") -> Iterator[Path]:
    """Yield the folders of CLIP and SigLIP in the cache of Hugging Face."""
    if find_spec("huggingface_hub") is None:
        return
    from huggingface_hub.constants import HF_HUB_CACHE

    pattern = f"models--{name.replace('/', '--')}/snapshots/*/{CONFIG_NAME}"
    for config in sorted(Path(HF_HUB_CACHE).glob(pattern)):
        if _kind(config.parent) is not None:
            yield config.parent


def _kind(folder: Path) -> str | None:
    try:
        found = read_json(folder / CONFIG_NAME).get("model_type")
    except (RatevalError, OSError):
        return None
    return found if found in _KINDS else None


def _sizes(folder: Path) -> dict[str, int]:
    config = read_json(folder / CONFIG_NAME)
    if config.get("model_type") != "clip":
        return {}
    size = config.get("projection_dim", 512)
    return {"features": size} if isinstance(size, int) else {}
