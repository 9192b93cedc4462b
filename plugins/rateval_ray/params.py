"""Params of the executor of Ray clusters."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from rateval.api import Params

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def read_bytes(amount: object) -> object:
    """Return an amount of memory such as ``"8GB"`` as bytes; anything but a text as it is.

    Raises ValueError when a text is no amount.

    >>> read_bytes("8GB"), read_bytes("1.5 GiB"), read_bytes(1024)
    (8000000000, 1610612736, 1024)
    """
    if not isinstance(amount, str):
        return amount
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?) ?([A-Z]*)", amount.strip().upper(), re.ASCII)
    if found is None or found[2] not in _UNITS:
        raise ValueError('must be a number of bytes, or a text such as "8GB" or "512MiB"')
    return int(float(found[1]) * _UNITS[found[2]])


def _require_address(address: str | None) -> str | None:
    if address is None or address == "auto":
        return address
    host, _, port = address.removeprefix("ray://").rpartition(":")
    named = re.fullmatch(r"[\w.\-]+|\[[0-9a-fA-F:.]+\]", host, re.ASCII)
    if named and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        return address
    raise ValueError(
        'must be "auto", "host:port" as `ray start --head` prints it, or "ray://host:port" for '
        "Ray's client; leave it out for a cluster of its own on this computer"
    )


def _require_share(gpus: float | None) -> float | None:
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        raise ValueError("must be whole above 1; below, steps share a GPU, as four do by 0.25")
    return gpus


class RayParams(Params):
    """Params of ``ray``."""

    address: Annotated[str | None, AfterValidator(_require_address)] = None
    """Cluster that runs already: ``"auto"`` for the one of this computer, ``"host:port"``, or
    ``"ray://host:port"``; when left out, the run makes one of its own on this computer."""
    workers: int | None = Field(default=None, ge=1, le=10_000)
    """Steps that are done at once; as many as the cluster has room for when left out."""
    cpus: int | None = Field(default=None, ge=1, le=1024)
    """CPUs that each step asks for; when left out 1 beside a GPU, else as many as the threads
    that it computes with."""
    gpus: Annotated[float | None, AfterValidator(_require_share)] = Field(
        default=None, ge=0, le=64, allow_inf_nan=False
    )
    """GPUs that each step asks for, or the share of one; 1 when left out and the study computes
    on a GPU, else 0."""
    memory: Annotated[int | None, BeforeValidator(read_bytes)] = Field(default=None, ge=1)
    """Memory that each step asks for, bytes or a text such as ``"8GB"``; Ray counts it and limits
    nothing."""
    retries: int = Field(default=3, ge=0, le=100)
    """How often a step is done again whose worker or node is lost."""
    in_flight: int | None = Field(default=None, ge=1, le=100_000)
    """Steps that are given to the cluster at most, those that wait for a worker included; as many
    as are done at once when left out."""
