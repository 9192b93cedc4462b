"""The architectures that a CLIP's sizes fit, and their weights on this computer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch

from rateval.api import RatevalError
from rateval.modelkit import Clues, read_state_dict, relative_distance
from rateval_clip.checkpoint.origin import find_origin
from rateval_clip.detection.told import Size, Told, tell
from rateval_clip.files import CONFIG_NAME, locate_config, locate_weights
from rateval_clip.options import read_config
from rateval_clip.params import QUICKSTART, ClipParams
from rateval_clip.tags import cached_weights

NEAR = 0.5
"""Distance below which weights come from those: apart from one another they are about 1.4."""
_COMPARED = (
    *("visual.conv1.weight", "visual.proj", "visual.positional_embedding", "text_projection"),
    *("visual.trunk.patch_embed.proj.weight", "visual.trunk.pos_embed", "token_embedding.weight"),
    *("text.token_embedding.weight", "visual.transformer.resblocks.0.mlp.c_fc.weight"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An architecture."""

    architecture: str
    """As the param takes it."""
    name: str
    quick_gelu: bool


@dataclass(frozen=True, slots=True)
class Base:
    """Weights on this computer that a checkpoint may come from."""

    candidate: Candidate
    pretrained: str | None
    """As the param takes it."""
    name: str
    distance: float = 0.0


def find_candidates(told: Told, file: Path | None) -> list[Candidate]:
    """Return the architectures of a checkpoint, a config beside its file first."""
    found = []
    beside = None if file is None else candidate_of(file.parent)
    if beside is not None and _fits(told, read_config(Path(beside.name) / CONFIG_NAME)[0]):
        found.append(beside)
    config, _ = read_config(Path(str(locate_config(QUICKSTART).config)))
    if _fits(told, config):
        found.append(Candidate(QUICKSTART, QUICKSTART, False))
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name)
        if _fits(told, config):
            found.append(Candidate(name, name, bool(config.get("quick_gelu"))))
    return found


def candidate_of(folder: Path) -> Candidate | None:
    """Return the architecture that a folder's config describes; None where it has none."""
    if not (folder / CONFIG_NAME).is_file():
        return None
    config, _ = read_config(folder / CONFIG_NAME)
    if not isinstance(config, dict) or not {"vision_cfg", "text_cfg"} <= config.keys():
        return None
    path = str(folder) if "/" in str(folder) else f"./{folder}"
    return Candidate(path, str(folder), config.get("quick_gelu") is True)


def _fits(told: Told, config: Mapping[str, Any]) -> bool:
    if "multimodal_cfg" in config or "hf_model_name" in config["text_cfg"]:
        return False
    vision = config["vision_cfg"]
    if "timm_model_name" in vision:
        return told.size is None and _same_shapes(told, config)
    if told.size is None or isinstance(vision["layers"], list):
        return False
    return told.size.fits(_size_of(config))


def _size_of(config: Mapping[str, Any]) -> Size:
    vision, text = config["vision_cfg"], config["text_cfg"]
    image = vision["image_size"]
    return Size(
        width=vision["width"],
        layers=vision["layers"],
        hidden=int(vision["width"] * vision.get("mlp_ratio", 4.0)),
        patch=vision["patch_size"],
        image=image if isinstance(image, int) else image[0],
        embedding=config["embed_dim"],
        normed=not vision.get("no_ln_pre", False),
        text_width=text.get("width", 512),
        text_layers=text.get("layers", 12),
        vocabulary=text.get("vocab_size", 49408),
        context=text.get("context_length", 77),
    )


def _same_shapes(told: Told, config: Mapping[str, Any]) -> bool:
    """Return whether a tower of timm's has the shapes that were found; nothing is allocated."""
    text = config["text_cfg"]
    words = next((t for n, t in told.weights.items() if n.endswith("token_embedding.weight")), None)
    asked = (text.get("vocab_size", 49408), text.get("width", 512))
    if words is not None and tuple(words.shape) != asked:
        return False
    plain = {key: value for key, value in config.items() if key != "custom_text"}
    plain["vision_cfg"] = dict(config["vision_cfg"]) | {"timm_model_pretrained": False}
    kind = open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP
    try:
        with torch.device("meta"):
            built = kind(**plain).state_dict()
    except Exception:  # of a newer timm, or not to be built without memory
        return False
    given = {name: tuple(t.shape) for name, t in told.weights.items() if name.startswith("visual.")}
    return given == {name: tuple(t.shape) for name, t in built.items() if name in given} and all(
        name in given for name in built if name.startswith("visual.")
    )


def nearest_base(told: Told, candidates: list[Candidate], clues: Clues) -> Base | None:
    """Return the weights on this computer that are nearest to a checkpoint's; None without any.

    They need not be near: whoever asks looks at their distance.
    """
    found = []
    for base, path in _weights_of(candidates, clues):
        try:
            other = tell(read_state_dict(path))
        except RatevalError:
            continue  # a file that nobody asked for
        if other is None or path == clues.file:
            continue
        distance = relative_distance(told.weights, other.weights, _COMPARED)
        if distance is not None:
            found.append(Base(base.candidate, base.pretrained, base.name, distance))
    return min(found, key=lambda base: base.distance, default=None)


def _weights_of(candidates: list[Candidate], clues: Clues) -> Iterator[tuple[Base, Path]]:
    names = {candidate.architecture: candidate for candidate in candidates}
    if QUICKSTART in names:
        params = ClipParams()
        path = locate_weights(params, locate_config(QUICKSTART))
        if path is not None:
            yield Base(names[QUICKSTART], None, "the tiny CLIP that comes with rateval"), path
    for name, tag in open_clip.list_pretrained():
        if name in names:
            try:
                path = cached_weights(name, tag)
            except RatevalError:
                continue  # not in the cache, or with another activation
            yield Base(names[name], tag, f"{name} {tag}"), path
    for path in sorted(clues.downloads.glob("*")) if clues.downloads.is_dir() else ():
        other = None if path.suffix not in (".pt", ".safetensors", ".bin") else _read(path)
        for candidate in candidates:
            if other is not None and _belongs(path, other, candidate):
                yield Base(candidate, str(path), path.name), path


def _read(path: Path) -> Told | None:
    try:
        return tell(read_state_dict(path))
    except RatevalError:
        return None


def _belongs(path: Path, told: Told, candidate: Candidate) -> bool:
    origin = find_origin(path)
    same = origin is None or origin.quick_gelu == candidate.quick_gelu
    if not same or candidate.architecture in (QUICKSTART,) or "/" in candidate.architecture:
        return False
    return _fits(told, open_clip.get_model_config(candidate.architecture))
