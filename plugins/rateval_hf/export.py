"""A model as a folder that transformers loads by ``from_pretrained``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers

from rateval.modelkit import copy_tokenizer, read_json, write_json
from rateval_hf.files import locate_weights
from rateval_hf.preprocessing import Preprocessing
from rateval_hf.settings import locate_settings, settings_in


def write_folder(
    folder: Path, module: Any, source: Path, preprocessing: Preprocessing
) -> tuple[Path, ...]:
    """Write config, weights, and what ``source`` holds of tokenizer and image processor.

    The image processor normalises by the mean and deviation in use. Returns what was written.
    """
    with no_progress_bar():
        module.save_pretrained(folder)
    # transformers splits what is very large, and then writes an index.
    indices = tuple(folder.glob("*.index.json"))
    settings = _write_settings(source, folder, preprocessing)
    written = (folder / "config.json", *indices, *locate_weights(folder), settings)
    return (*written, *copy_tokenizer(source, folder))


def _write_settings(source: Path, folder: Path, preprocessing: Preprocessing) -> Path:
    path = locate_settings(source)
    content = read_json(path)
    settings_in(content).update(
        do_normalize=True,
        image_mean=list(preprocessing.mean),
        image_std=list(preprocessing.std),
    )
    write_json(folder / path.name, content)
    return folder / path.name


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Let transformers show no progress within the context."""
    # Progress is the command's to show; a file is written in a moment.
    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
