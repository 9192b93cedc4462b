"""A path in a reader's params."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

OnDisk = Annotated[Path, AfterValidator(Path.expanduser)]
"""A path of the user's; ``~`` is the home folder."""
