"""The files of a Hugging Face folder, and a digest of them. This module imports no torch."""

from __future__ import annotations

import reprlib
from pathlib import Path

from rateval.api import RatevalError
from rateval.modelkit import check_tokenizer, digest_files, read_json
from rateval_hf.activation import require_same_activation
from rateval_hf.options import CONFIG_NAME, read_config
from rateval_hf.params import HfClipParams
from rateval_hf.settings import read_settings

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_LONGEST_NAME = 255
"""Bytes of a file's name, on every common file system."""
_TEXT_FILES = {".json", ".txt", ".model"}


def folder_of(params: HfClipParams) -> Path:
    """Return the folder as a path."""
    return Path(params.folder).expanduser()


def locate_weights(folder: Path) -> tuple[Path, ...]:
    """Find the file or files that hold the weights.

    Raises RatevalError when there are none, or when one of several is missing.
    """
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return (folder / name,)
        index = folder / f"{name}.index.json"
        if index.is_file():
            names = _names_in(index)
            missing = [name for name in names if not (folder / name).is_file()]
            if missing or not names:
                raise RatevalError(
                    f"{index}: names weights that are not in the folder: "
                    f"{', '.join(missing) or 'none at all'}; copy the whole folder again"
                )
            return tuple(folder / name for name in names)
    raise RatevalError(
        f"{folder}: the folder holds neither {' nor '.join(_WEIGHTS)}; give a folder that "
        "CLIPModel or SiglipModel of transformers saved"
    )


def _names_in(index: Path) -> list[str]:
    parts = read_json(index).get("weight_map")
    if not isinstance(parts, dict):
        raise RatevalError(
            f"{index}: weight_map = {reprlib.repr(parts)}: must be a table that names the file of "
            "each weight; copy the whole folder again"
        )
    for name in parts.values():
        # A file beside the index, whatever its name says.
        if (
            not isinstance(name, str)
            or not name.isprintable()
            or name != Path(name).name
            or len(name.encode("utf-8", "replace")) > _LONGEST_NAME
        ):
            raise RatevalError(
                f"{index}: weight_map names {name!r:.100}: must be the name of a file in the same "
                "folder; copy the whole folder again"
            )
    return sorted(set(parts.values()))


def digest(params: HfClipParams) -> str:
    """Return a sha256 in hex of the bytes that determine the model besides its params.

    They are the weights and every config and tokenizer file of the folder. Raises RatevalError
    when one cannot be read, and when config, image processor or tokenizer ask for what they may
    not.
    """
    folder = folder_of(params)
    kind, options = read_config(folder / CONFIG_NAME)
    require_same_activation(folder, kind, options)
    read_settings(folder, kind, params)
    check_tokenizer(folder)
    texts = (path for path in folder.iterdir() if path.suffix in _TEXT_FILES)
    return digest_files({path.name: path for path in (*texts, *locate_weights(folder))})
