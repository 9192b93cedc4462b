"""Find the files of a Hugging Face folder, and name their bytes. This module imports no torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval_hf.params import HfClipParams

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TEXT_FILES = {".json", ".txt", ".model"}


def folder_of(params: HfClipParams) -> Path:
    """Return the folder as a path."""
    return Path(params.folder).expanduser()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises RatevalError when it is absent or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RatevalError(f"{path}: not a readable JSON file: {error}") from error
    if not isinstance(content, dict):
        raise RatevalError(f"{path}: must hold an object, not a {type(content).__name__}")
    return content


def locate_weights(folder: Path) -> tuple[Path, ...]:
    """Find the file or files that hold the weights.

    Raises RatevalError when there are none, or when one of several is missing.
    """
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return (folder / name,)
        index = folder / f"{name}.index.json"
        if index.is_file():
            names = sorted({str(part) for part in read_json(index).get("weight_map", {}).values()})
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


def digest(params: HfClipParams) -> str:
    """Name the bytes that determine the model besides its params, as a sha256 in hex.

    They are the weights and every config and tokenizer file of the folder. Raises RatevalError
    when one cannot be read.
    """
    folder = folder_of(params)
    texts = (path for path in folder.iterdir() if path.suffix in _TEXT_FILES)
    paths = {path.name: path for path in (*texts, *locate_weights(folder))}
    sums = {name: _sha256(path) for name, path in paths.items()}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RatevalError(f"{path}: cannot be read: {error.strerror}") from error
