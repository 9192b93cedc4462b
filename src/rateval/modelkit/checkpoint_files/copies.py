"""Which of a file's names are a model's own, behind what wrappers and trainers put before them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

# What torch.compile, DataParallel, FSDP and checkpointing put anywhere into a name.
WRAPPERS = ("_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_AVERAGE = re.compile(r"(^|[._])(ema|averaged?|swa)([._]|$)")


@dataclass(slots=True)
class Copy:
    """A model's names as they stand behind one prefix."""

    prefix: str
    keys: dict[str, str] = field(default_factory=dict)
    """The model's name to the file's."""
    twice: str = ""
    """A name of the model that two of the file's stand for; empty where there is none."""

    @property
    def averaged(self) -> bool:
        """Whether the prefix says that it is an average of weights."""
        return _AVERAGE.search(self.prefix) is not None

    def shares(self, other: Copy, count: int) -> bool:
        """Return whether both hold ``count`` of the same names or more."""
        return len(self.keys.keys() & other.keys.keys()) >= count


def find_copies(given: Iterable[str], wanted: Collection[str]) -> dict[str, Copy]:
    """Return, by prefix, every copy of ``wanted`` names among the ``given`` ones.

    A name belongs to the shortest prefix behind which it is wanted. What wrappers put at the
    beginning of it counts to the prefix; inside it, it is taken out.

    >>> {p: c.keys for p, c in find_copies(["model._orig_mod.a.b", "a.module.b"], ["a.b"]).items()}
    {'model._orig_mod.': {'a.b': 'model._orig_mod.a.b'}, '': {'a.b': 'a.module.b'}}
    """
    names = frozenset(wanted)
    copies: dict[str, Copy] = {}
    for key in given:
        found = _split(key, names)
        if found is not None:
            prefix, name = found
            copy = copies.setdefault(prefix, Copy(prefix))
            if name in copy.keys:
                copy.twice = name
            copy.keys[name] = key
    return copies


def _split(key: str, names: frozenset[str]) -> tuple[str, str] | None:
    at = 0
    while True:
        rest = key[at:]
        name = unwrap_name(rest, names)
        if name in names:
            lead = len(rest) - len(_without_lead(rest)) if name != rest else 0
            return key[: at + lead], name
        at = key.find(".", at) + 1
        if not at:
            return None


def unwrap_name(name: str, wanted: Collection[str]) -> str:
    """Return a name without what wrappers put into it; a wanted one stays as it is.

    >>> unwrap_name("a._orig_mod.b", ["a.b"])
    'a.b'
    """
    if name in wanted:
        return name
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def _without_lead(name: str) -> str:
    while (first := name.partition("."))[0] in WRAPPERS and first[1]:
        name = first[2]
    return name


def list_beginnings(given: Iterable[str]) -> list[str]:
    """Return the first parts of names, each once, with their dot.

    >>> list_beginnings(["a.b", "a.c", "d"])
    ['a.', 'd']
    """
    return list(dict.fromkeys("".join(key.partition(".")[:2]) for key in given))


def cut_prefix(
    given: Mapping[str, object], prefix: str, wanted: Collection[str]
) -> dict[str, list[str]]:
    """Return the names behind ``prefix``, each with the file's names that stand for it.

    >>> cut_prefix({"net.a._orig_mod.b": 0, "loss": 0}, "net.", ["a.b"])
    {'a.b': ['net.a._orig_mod.b']}
    """
    names: dict[str, list[str]] = {}
    for key in given:
        if key.startswith(prefix):
            name = unwrap_name(key.removeprefix(prefix), wanted)
            names.setdefault(name, []).append(key)
    return names
