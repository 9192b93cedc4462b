"""A CLIP as a folder that open_clip loads by ``local-dir:``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from open_clip.transform import PreprocessCfg

from rateval.modelkit import copy_tokenizer, write_json, write_safetensors
from rateval_clip.architecture import Architecture
from rateval_clip.files import CONFIG_NAME, WEIGHTS_NAME
from rateval_clip.tokenizer_files import locate_tokenizer


def write_folder(
    folder: Path,
    architecture: Architecture,
    module: torch.nn.Module,
    preprocessing: PreprocessCfg,
) -> tuple[Path, ...]:
    """Write config, weights and, where the model has one of its own, the tokenizer.

    The tokenizer's files are left out where they are not on this machine. Returns what was
    written.
    """
    weights = write_safetensors(module.state_dict(), folder / WEIGHTS_NAME)
    config = folder / CONFIG_NAME
    content = {
        "model_cfg": architecture.config,
        "preprocess_cfg": asdict(preprocessing),
    }
    write_json(config, content)
    source = locate_tokenizer(architecture.config["text_cfg"], architecture.folder)
    tokenizer = () if source is None else copy_tokenizer(source, folder)
    return (config, weights, *tokenizer)
