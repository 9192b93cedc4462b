"""The version of the contract between rateval and plugins, and what a plugin may need of it."""

from __future__ import annotations

import re

VERSIONS = ("1.0",)
"""All versions of the contract, the oldest first; ``docs/contract-changes.md`` says what changed.

They are MAJOR.MINOR: a minor version adds or deprecates something, a major one takes something
away.
"""

API_VERSION = VERSIONS[-1]
"""The version of the contract that this rateval offers."""

STATED_AS = "RATEVAL_API"
"""What a plugin's entry module calls the version that it was written for."""

_VERSION = re.compile(r"(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})")


def read_version(text: object) -> tuple[int, int]:
    """Return a version as numbers. Raises ValueError where it is none.

    >>> read_version("1.12")
    (1, 12)
    """
    found = _VERSION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(
            f'{STATED_AS} = {text!r:.40}: must be text such as "{API_VERSION}", the version of the '
            "contract that the plugin was written for"
        )
    return int(found[1]), int(found[2])


def explain_version(needed: str, offered: str = API_VERSION) -> str | None:
    """Return why a plugin that was written for a version can't be used; None where it can.

    Raises ValueError where ``needed`` is no version.

    >>> explain_version("1.0", "1.2"), explain_version("1.3", "1.2")
    (None, 'it needs version 1.3 of the contract, and this is 1.2; upgrade rateval')
    """
    want, have = read_version(needed), read_version(offered)
    if want[0] == have[0] and want[1] <= have[1]:
        return None
    said = f"it needs version {needed} of the contract, and this is {offered}"
    if want > have:
        return f"{said}; upgrade rateval"
    return f"{said}; upgrade the plugin, or install a version of rateval that offers {want[0]}.x"
