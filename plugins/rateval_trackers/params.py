"""Params of the trackers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

from rateval.api import Params

Place = tuple[str | int, ...]


def _require_uri(uri: str | None) -> str | None:
    if uri is None:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from None
    local = parts.scheme == "sqlite" and uri.startswith("sqlite:///") and len(uri) > 10
    if not local and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError(
            "must be a database file, sqlite:///path/mlflow.db, or a server, https://host; leave "
            "it out for a database beside the runs"
        )
    if "@" in parts.netloc:
        raise ValueError(
            "must hold no name and no password, which run.json would keep; set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    return uri


Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\w][\w .-]*$")]
"""What all of them take as the name of a project."""


class TrackerParams(Params):
    """What every tracker can be told."""

    page: bool = True
    """Whether the HTML report is given to the tracker, with the photos that it holds."""


class MlflowParams(TrackerParams):
    """Params of ``mlflow``."""

    uri: Annotated[str | None, AfterValidator(_require_uri)] = None
    """Where runs are kept: ``sqlite:///path/mlflow.db``, or a server, ``https://host``, to which
    they are then sent; ``mlflow/mlflow.db`` in the folder of the runs when left out."""
    experiment: Name | None = None
    """The experiment that the run belongs to; the study's name when left out."""


class _InFolder(TrackerParams):
    def on_disk(self) -> Mapping[Place, Path]:
        """Return nothing: the folder is made when it is needed."""
        return {}


class WandbParams(_InFolder):
    """Params of ``wandb``."""

    mode: Literal["offline", "online"] = "offline"
    """``offline`` writes files that ``wandb sync`` sends later; ``online`` sends at once."""
    project: Name | None = None
    """The project that the run belongs to; the study's name when left out."""
    folder: Path | None = None
    """Where files go; the folder of the runs when left out. W&B makes ``wandb`` in it."""


class TensorboardParams(_InFolder):
    """Params of ``tensorboard``."""

    folder: Path | None = None
    """Where each run makes a folder; ``tensorboard`` in the folder of the runs when left out."""


class TrackioParams(TrackerParams):
    """Params of ``trackio``."""

    project: Name | None = None
    """The project that the run belongs to; the study's name when left out."""
