"""What a wrapper put before the names of weights: told, so that it can be stripped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from rateval.modelkit.checkpoint_files.copies import WRAPPERS

_WRAPPERS = tuple(f"{wrapper}." for wrapper in WRAPPERS)


def explain_prefix(given: Collection[str], wanted: Collection[str]) -> str | None:
    """Return the sentence that says what stands before the names that a model wants.

    None where nothing does: at least a quarter of ``wanted`` must be found behind it.

    >>> explain_prefix(["net.weight", "net.bias"], ["weight", "bias"])
    'every key starts with "net."; strip it'
    >>> explain_prefix(["net.weight", "net.bias", "loss"], ["weight", "bias"])
    '2 of 3 keys start with "net."; strip it, and leave the others out'
    >>> explain_prefix(["a._orig_mod.weight"], ["a.weight"])
    '1 of 1 keys hold "_orig_mod."; strip it'
    >>> explain_prefix(["weights"], ["weight"]) is None
    True
    """
    names = frozenset(wanted)
    prefixes = Counter(filter(None, (_prefix_of(key, names) for key in given)))
    for prefix, found in prefixes.most_common(1):
        if 4 * found < len(names):
            break
        started = sum(key.startswith(prefix) for key in given)
        if started == len(given):
            return f'every key starts with "{prefix}"; strip it'
        rest = "" if started > found else ", and leave the others out"
        return f'{started} of {len(given)} keys start with "{prefix}"; strip it{rest}'
    for wrapper in _WRAPPERS:
        found = sum(wrapper in key and key.replace(wrapper, "") in names for key in given)
        if found and 4 * found >= len(names):
            return f'{found} of {len(given)} keys hold "{wrapper}"; strip it'
    return None


def _prefix_of(key: str, names: frozenset[str]) -> str | None:
    if key in names:
        return None
    at = key.find(".")
    while at >= 0:
        if key[at + 1 :] in names:
            return key[: at + 1]
        at = key.find(".", at + 1)
    return None
