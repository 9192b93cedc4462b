"""What the adapter_config.json of peft may say. This module imports no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from rateval.api import RatevalError
from rateval.modelkit import ForeignTable, check_table, read_json
from rateval_finetune.loading.files import ADAPTER_CONFIG

_LITERAL = re.compile(r"\^?[\w.\-]+")

Rank = Annotated[int, Field(ge=1, le=65536)]
Alpha = Annotated[float, Field(gt=0, le=1e6)]
Names = Annotated[list[str], Field(max_length=10_000)]


class AdapterOptions(ForeignTable):
    """The options by which a LoRA adapter is merged."""

    # What trained it, and which modules: the tensors themselves say that.
    inert: ClassVar[frozenset[str]] = frozenset(
        [
            *("auto_mapping", "exclude_modules", "inference_mode", "layers_pattern"),
            *("layers_to_transform", "lora_dropout", "megatron_core", "peft_version"),
            *("qalora_group_size", "revision", "target_modules", "task_type", "eva_config"),
            "runtime_config",
        ]
    )

    peft_type: Literal["LORA"]
    r: Rank
    lora_alpha: Alpha
    use_rslora: bool = False
    rank_pattern: dict[str, Rank] = Field(default_factory=dict)
    alpha_pattern: dict[str, Alpha] = Field(default_factory=dict)
    fan_in_fan_out: bool = False
    """Without a meaning for the layers that are supported, as in peft."""
    bias: Literal["none", "all", "lora_only"] = "none"
    modules_to_save: Names = Field(default_factory=list)
    base_model_name_or_path: str = ""
    init_lora_weights: bool | Literal["gaussian", "orthogonal", "eva"] = True
    """Others change the base model's weights, too."""

    def scaling(self, path: str, rank: int) -> float:
        """Return the factor on the update of rank ``rank`` of the layer at ``path``."""
        alpha = pick(self.alpha_pattern, path, self.lora_alpha)
        return float(alpha / (rank**0.5 if self.use_rslora else rank))


def pick(pattern: Mapping[str, Any], path: str, default: Any) -> Any:
    """Return what the first fitting pattern says of the layer at ``path``.

    >>> pick({"mlp.fc": 2, "fc": 3}, "a.mlp.fc", 1), pick({"^fc": 2}, "a.fc", 1)
    (2, 1)
    """
    for key, value in pattern.items():
        name = key.removeprefix("^")
        if path == name or (path.endswith(f".{name}") and name == key):
            return value
    return default


def read_adapter_options(folder: Path) -> AdapterOptions:
    """Read the config of an adapter's folder.

    What is null, false or empty is as if it were absent, so that options of newer versions that
    are not in use do no harm. Raises RatevalError for other options than those that are supported.
    """
    path = folder / ADAPTER_CONFIG
    said = {
        key: value
        for key, value in read_json(path).items()
        if value is not None and value is not False and value not in ({}, [])
    }
    if said.get("use_dora"):
        raise RatevalError(
            f"{path}: use_dora = true: DoRA is not supported; merge the adapter by peft's "
            "merge_and_unload, and give the weights that this leaves"
        )
    options = check_table(AdapterOptions, said, str(path))
    for table in ("rank_pattern", "alpha_pattern"):
        for key in getattr(options, table):
            if not _LITERAL.fullmatch(key):
                raise RatevalError(
                    f"{path}: {table} names {key!r:.100}: must be names of modules; regular "
                    "expressions are not read: write a name for each"
                )
    return options
