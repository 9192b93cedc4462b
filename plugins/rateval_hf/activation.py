"""The activation that a folder's config names, and what else in the folder says of it.

This module imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import read_json
from rateval_hf.options import CONFIG_NAME

_OPEN_CLIP = "open_clip_config.json"
_DEFAULTS = {"clip": "quick_gelu", "siglip": "gelu_pytorch_tanh"}
_TOWERS = ("vision_config", "text_config")


def require_same_activation(folder: Path, kind: str, options: Mapping[str, Any]) -> None:
    """Raise RatevalError when open_clip's config in the same ``folder`` names another activation.

    ``options`` are those of config.json, of the ``kind`` that its model_type says.
    """
    other = folder / _OPEN_CLIP
    if not other.is_file():
        return
    try:
        content = read_json(other)
    except RatevalError:
        return  # a file that nobody asked for
    model = content.get("model_cfg", content)
    if not isinstance(model, dict) or "vision_cfg" not in model:
        return
    quick = model.get("quick_gelu") is True
    for tower, said in _activations(kind, options):
        name = said or _DEFAULTS[kind]
        if (name == "quick_gelu") != quick:
            default = "" if said else ", by transformers' default"
            raise RatevalError(
                f"{folder / CONFIG_NAME}: {tower}.hidden_act = {name!r}{default}: but "
                f"{other.name} beside it says {'QuickGELU' if quick else 'GELU'} (quick_gelu = "
                f"{str(quick).lower()}), and with another activation than the weights were trained "
                "with every result changes; correct the one that is wrong"
            )


def list_assumptions(kind: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in sentences what config.json leaves open of the activation, or says doubtfully.

    >>> list_assumptions("clip", {"vision_config": {"hidden_act": "gelu"}})  # doctest: +ELLIPSIS
    ("activation quick_gelu of text_config, transformers' default: ...", 'activation gelu in ...')
    """
    towers = dict(_activations(kind, options))
    found = [
        f"activation {_DEFAULTS[kind]} of {tower}, transformers' default: config.json has no "
        "hidden_act"
        for tower, said in towers.items()
        if said is None
    ]
    vision, text = (towers[tower] or _DEFAULTS[kind] for tower in _TOWERS)
    if vision != text:
        found.append(
            f"activation {vision} in the image tower and {text} in the text tower, as config.json "
            "has it, which no published model has"
        )
    return tuple(found)


def _activations(kind: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for tower in _TOWERS:
        # Old files have the same once more, under another name, which counts in transformers.
        tables = (options.get(f"{tower}_dict"), options.get(tower))
        said = (table["hidden_act"] for table in tables if table and "hidden_act" in table)
        yield tower, next(said, None)
