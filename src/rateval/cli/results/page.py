"""A page that is asked for by ``--html``: one file, or a folder with its pictures beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError

INDEX_NAME = "index.html"


def write_given(
    given: str,
    write_page: Callable[..., None],
    write_folder: Callable[..., None],
    record: Any,
    *,
    pictures: bool,
) -> Path:
    """Write a record's page where ``--html`` asks for it, and return the page's path.

    Raises RatevalError where it can't be written.
    """
    path = Path(given)
    folder = given.endswith(("/", os.sep)) or path.is_dir()
    write = write_folder if folder else write_page
    try:
        write(record, path, pictures=pictures)
    except OSError as error:
        raise RatevalError(
            f"--html {given}: can't be written ({error.strerror}); name a file in a folder that is "
            "there and can be written to, or a folder with a slash behind it"
        ) from None
    return path / INDEX_NAME if folder else path
