"""What ``run.json`` says of the maps of single tokens that a run keeps."""

from __future__ import annotations

from typing import Final

from rateval.records.base import Record
from rateval.records.key import Key

TOKENS: Final = "tokens"
"""Stage, and folder of the store, of maps of single tokens."""


class TokensRecord(Record):
    """Maps of the tokens of what one cell answered to some of the pictures."""

    key: Key
    """Of the cell."""
    identity: str
    """Names the stored maps: ``store/tokens/<identity>``."""
    count: int
    """Texts that were drawn."""
    tokens: int
    """Tokens of them that have a map."""
    undefined: dict[str, int]
    """Reason to the number of texts without any."""
