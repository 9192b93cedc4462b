"""A model that writes as a folder that transformers loads by ``from_pretrained``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rateval.modelkit import copy_file
from rateval_hf.export import no_progress_bar
from rateval_hf.options import CONFIG_NAME
from rateval_hf.writing.files import TEXT_FILES, locate_weights

_INDEX = ".index.json"


def write_folder(folder: Path, module: Any, source: Path) -> tuple[Path, ...]:
    """Write config and weights, and what ``source`` holds of tokenizer, processor and template.

    Returns what was written.
    """
    with no_progress_bar():
        module.save_pretrained(folder)
    indices = tuple(folder.glob(f"*{_INDEX}"))
    weights = (*indices, *locate_weights(folder))
    texts = tuple(
        copy_file(path, folder / path.name)
        for path in sorted(source.iterdir())
        if path.suffix in TEXT_FILES and path.name != CONFIG_NAME and not path.name.endswith(_INDEX)
    )
    # What it generates by is the source's own, where that says anything.
    made = (path for path in folder.glob("*.json") if path not in (*texts, *indices))
    return (*sorted(made), *weights, *texts)
