"""A path or URL in a reader's params."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

from rateval.modelkit import is_remote, url_of

OnDisk = Annotated[Path, AfterValidator(Path.expanduser)]
"""A path of the user's; ``~`` is the home folder."""


def begin_beside(values: Any, key: str) -> Any:
    """Return a reader's values with the folder of a file behind a URL as root, where none is given.

    On this computer that folder is found beside the file; of what is fetched it must be said.

    >>> begin_beside({"file": "s3://bucket/cats/photos.csv"}, "file")["root"]
    's3://bucket/cats'
    >>> begin_beside({"file": "cats/photos.csv"}, "file")
    {'file': 'cats/photos.csv'}
    """
    if not isinstance(values, dict) or values.get("root") is not None:
        return values
    named = values.get(key)
    if isinstance(named, dict):
        folders = {name: _folder_of(one) for name, one in named.items()}
        return values if None in folders.values() else {**values, "root": folders}
    folder = _folder_of(named)
    return values if folder is None else {**values, "root": folder}


def _folder_of(named: Any) -> str | None:
    url = url_of(named) if isinstance(named, Path) else str(named)
    return url.rpartition("/")[0] if url is not None and is_remote(url) else None
