"""A dual encoder in the format of the official repositories, or as a Hugging Face folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rateval.modelkit import (
    copy_file,
    copy_tokenizer,
    read_json,
    write_json,
    write_safetensors,
    write_salesforce_checkpoint,
)
from rateval_vlp.architecture import SIZE_NAME, Architecture
from rateval_vlp.files import CONFIG_NAME, Files
from rateval_vlp.keys import hugging_face_key
from rateval_vlp.towers import DualEncoder


def write_official(
    folder: Path, module: DualEncoder, architecture: Architecture, files: Files
) -> tuple[Path, ...]:
    """Write model.pth as the official loaders read it, size.json and the vocabulary.

    Fusion layers, the matching head and all else that only other tasks use are no part of the
    model here, and are not written. Returns what was written.
    """
    weights = write_salesforce_checkpoint(module.state_dict(), folder / "model.pth")
    write_json(folder / SIZE_NAME, architecture.size.model_dump(mode="json"))
    return (weights, folder / SIZE_NAME, *copy_vocabulary(files.vocabulary, folder))


def write_hugging_face(
    folder: Path,
    module: DualEncoder,
    architecture: Architecture,
    files: Files,
    mean: Sequence[float],
    std: Sequence[float],
) -> tuple[Path, ...]:
    """Write a folder of BlipForImageTextRetrieval; return what was written.

    The temperature goes into its config, as the class has none of its own. Cross-attention and
    matching head are no part of the model here, and are not written.
    """
    assert files.config is not None
    state = module.state_dict()
    temperature = float(state.pop("temp"))
    named = {hugging_face_key(key): value for key, value in state.items()}
    weights = write_safetensors(named, folder / "model.safetensors")
    config = read_json(files.config)
    config["logit_scale_init_value"] = -math.log(temperature)
    side = architecture.size.image_size
    config["vision_config"] = {**(config.get("vision_config") or {}), "image_size": side}
    write_json(folder / CONFIG_NAME, config)
    write_json(folder / "preprocessor_config.json", image_processor(side, mean, std))
    source = files.config.parent
    if files.vocabulary is not None and files.vocabulary.parent != source:
        tokenizer = copy_vocabulary(files.vocabulary, folder)
    else:
        tokenizer = copy_tokenizer(source, folder)
    return (weights, folder / CONFIG_NAME, folder / "preprocessor_config.json", *tokenizer)


def image_processor(side: int, mean: Sequence[float], std: Sequence[float]) -> dict[str, object]:
    """Return transformers' settings of how images are prepared."""
    return {
        "image_processor_type": "BlipImageProcessor",
        "processor_class": "BlipProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"height": side, "width": side},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(mean),
        "image_std": list(std),
    }


def copy_vocabulary(vocabulary: Path | None, folder: Path) -> tuple[Path, ...]:
    """Copy a vocabulary under its usual name; return the copy."""
    if vocabulary is None:
        return ()
    name = "tokenizer.json" if vocabulary.suffix == ".json" else "vocab.txt"
    return (copy_file(vocabulary, folder / name),)
