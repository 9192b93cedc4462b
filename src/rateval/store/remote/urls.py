"""Places that are URLs: what they look like, and what has to be installed for them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import NamedTuple
from urllib.parse import unquote

from rateval.wording import is_control, list_some, meant


class Protocol(NamedTuple):
    """What a protocol needs."""

    module: str
    """Module that speaks it; empty where nothing is needed."""
    extra: str
    """Extra of rateval that installs it."""


PROTOCOLS = {
    "s3": Protocol("s3fs", "s3"),
    "gs": Protocol("gcsfs", "gcs"),
    "file": Protocol("", ""),
    "memory": Protocol("fsspec", "s3"),
}
"""What may stand before ``://``. ``memory`` lasts as long as the process, for tests."""

_OTHERS = ("http", "https", "ftp", "hf", "az", "abfs", "abfss", "adl", "gcs", "s3a", "hdfs", "sftp")
"""What else people write before ``://``, which is told in place of a missing file."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)(.*)", re.DOTALL)


def is_url(text: str) -> bool:
    """Return whether text is meant as a URL, and not as a path of this computer.

    >>> is_url("s3://bucket/runs"), is_url("runs/s3"), is_url("s3:/bucket/runs")
    (True, False, True)
    """
    found = _URL.fullmatch(text)
    return found is not None and (found[2] != "/" or found[1].lower() in PROTOCOLS)


def is_remote(text: str) -> bool:
    """Return whether text is meant as a URL of a kind that is known here.

    >>> is_remote("s3://bucket/a.jpg"), is_remote("http://host/a.jpg"), is_remote("a/s3.jpg")
    (True, False, False)
    """
    protocol, found, _ = text.partition("://")
    return bool(found) and protocol in PROTOCOLS


def url_of(path: PurePath) -> str | None:
    """Return the URL that a path was written as, None for any other path.

    A path keeps one of two slashes, so that it is told by what stands before them.

    >>> url_of(PurePath("s3://bucket/a.jpg")), url_of(PurePath("file:///mnt"))
    ('s3://bucket/a.jpg', 'file:///mnt')
    >>> url_of(PurePath("photos/s3")), url_of(PurePath("s3:bucket"))
    (None, None)
    """
    found = _URL.fullmatch(path.as_posix())
    if found is None or found[1].lower() not in {*PROTOCOLS, *_OTHERS}:
        return None
    return f"{found[1]}://{'/' if found[1] == 'file' else ''}{found[3]}"


def explain_url(text: str) -> str:
    """Return why text is no URL that can be used here, and what is; empty if it is one.

    >>> explain_url("s4://bucket/runs")
    'is of a kind that is not known here; URLs begin with s3://, gs://, file://, memory://'
    >>> explain_url("file:///mnt/runs")
    ''
    """
    found = _URL.fullmatch(text)
    if found is None:
        return 'is no URL; write it as "s3://bucket/folder"'
    protocol, slashes, rest = found.groups()
    whole = f"{protocol}://{rest}"
    if protocol == "file":
        whole = f"file:///{rest.removeprefix('localhost/')}"
    if protocol not in PROTOCOLS:
        known = list_some(f"{name}://" for name in PROTOCOLS)
        hint = meant(protocol, PROTOCOLS)
        told = f"is of a kind that is not known here; URLs begin with {known}"
        return f"{told}; {hint}" if hint else told
    if len(slashes) == 1:
        return f'lacks a slash; write "{whole}"'
    if any(map(is_control, text)) or re.search(r"[?#\s]", text):
        return "holds a blank, a ?, a # or a control character; leave it out"
    if ".." in rest.split("/") or "//" in rest.strip("/"):
        return 'holds ".." or an empty part; write the whole way from the bucket on'
    if protocol == "file" and len(slashes) != 3:
        return f'names no folder of this computer; write three slashes: "{whole}"'
    if not rest.strip("/"):
        return f'names no folder; write "{protocol}://bucket/folder"'
    return _explain_missing(protocol)


def _explain_missing(protocol: str) -> str:
    module, extra = PROTOCOLS[protocol]
    if module and not _is_there(module):
        return f"needs {module}, which isn't installed: pip install 'rateval[{extra}]'"
    return ""


def _is_there(module: str) -> bool:
    return find_spec(module) is not None


def clean(url: str) -> str:
    """Return a URL without slashes at its end.

    >>> clean("s3://bucket/runs/")
    's3://bucket/runs'
    """
    return url.rstrip("/")


def protocol_of(url: str) -> str:
    """Return what stands before ``://``."""
    return url.partition("://")[0]


def local_path(url: str) -> Path | None:
    """Return the path that a URL of this computer's own files stands for, None for any other.

    >>> local_path("file:///mnt/a%20b").name, local_path("s3://bucket/a")
    ('a b', None)
    """
    if protocol_of(url) != "file":
        return None
    return Path(unquote(clean(url).removeprefix("file://")))
