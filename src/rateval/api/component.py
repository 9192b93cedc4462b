"""What a plugin registers: strings only, so that listing components imports no heavy library."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path

from rateval.store.cache import default_cache

EDITS = "predictions under edits"
"""What a validator or a metric ``needs`` that asks whether answers hang on the object; a study has
them where its spec has ``[counterfactual]``."""

MAPS_AND_EDITS = "relevance and predictions under edits"
"""What a metric ``needs`` that compares what a map shows with what answers hang on: a verdict by
edits is no map, and there is nothing to compare."""

NEEDS = ("", EDITS, MAPS_AND_EDITS)

_LISTS = {
    "requires": "module names",
    "wraps": "full names of classes",
    "tasks": "names of tasks",
}
"""Fields that list texts, and what the texts are."""
_BOOLS = ("seeded", "by_token")

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Component:
    """A component described by strings; nothing is imported until it is used.

    Raises ValueError when a string is malformed, naming the field.

    >>> Component(name="zs", summary="Zero-shot", factory="m:make", params="m:ZsParams").name
    'zs'
    """

    name: str
    """Kebab-case, unique within its kind; what ``use = "…"`` names in a spec."""
    summary: str
    """One line for ``rateval list``."""
    factory: str
    """``module:attribute`` of ``(params, context) -> object``."""
    params: str
    """``module:attribute`` of a subclass of ``rateval.api.Params``; importing it must be cheap."""
    version: str = "1"
    """Raise it when equal params give other results than before, so that those are not reused."""
    digest: str = ""
    """``module:attribute`` of ``(params) -> str`` that names the bytes outside the params which
    determine the object (a checkpoint, a data file); empty when there are none."""
    detect: str = ""
    """``module:attribute`` of ``(rateval.modelkit.Clues) -> rateval.modelkit.Guess | None``, by
    which ``rateval init`` recognises what lies on disk, without ``requires``; may be empty."""
    requires: tuple[str, ...] = ()
    """Top-level modules that must be importable, such as ``("open_clip",)``."""
    extra: str = ""
    """Extra of the plugin's distribution that installs ``requires``."""
    seeded: bool = False
    """True when the object draws on ``context.seed``. Others always get seed 0, so that a study's
    seed is part of the identity of just those results that depend on it."""
    source: str = ""
    """Paper section or repository that this implements."""
    wraps: tuple[str, ...] = ()
    """Full names of the classes of live modules that ``wrapper`` makes a model of, such as
    ``("open_clip.model.CLIP",)``; their subclasses, too. For models alone."""
    wrapper: str = ""
    """``module:attribute`` of ``(module, *, tokenizer, preprocess, prompt) -> object``, the last
    three optional: what a user has besides a live module."""
    needs: str = ""
    """``"predictions under edits"`` of a validator that judges those in place of relevance maps
    (``rateval.api.edits.EditsValidator``), and of a metric that counts by ``Outcomes.causal``;
    ``"relevance and predictions under edits"`` of a metric that compares the verdict on a map with
    it, which is then not counted by the verdicts of validators of edits."""
    shares: str = ""
    """Names, within the plugin, what attributions compute from: those that share it are explained
    from one pass over a batch, by ``rateval.api.protocols.Sharing``; empty for one that explains by
    itself."""
    tasks: tuple[str, ...] = ("classification",)
    """Names of the tasks that a dataset may pose, or that a model, a finetuner or an attribution
    serves. A dataset that can pose several has a ``task`` among its params."""
    by_token: bool = False
    """True of an attribution of texts that explains a part of one alone, as
    ``rateval.api.tasks.texts.Answered.spans`` asks for: single tokens then get maps, too."""
    protocol: str = ""
    """``module:attribute`` of the protocol that its object follows where that is not its kind's
    own: ``rateval.api.tasks.texts:TextModel`` of a model that answers by texts."""

    def __post_init__(self) -> None:
        for member in fields(self):
            _check_type(member.name, getattr(self, member.name))
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name = {self.name!r}: must be kebab-case, such as 'relevance-mass'")
        if not self.summary.strip() or "\n" in self.summary:
            raise ValueError(f"summary = {self.summary!r}: must be one line of text")
        for name in ("factory", "params", "digest", "detect", "wrapper", "protocol"):
            value = getattr(self, name)
            if (value or name in ("factory", "params")) and not _REFERENCE.fullmatch(value):
                raise ValueError(f"{name} = {value!r}: must be 'module:attribute'")
        if self.needs not in NEEDS:
            raise ValueError(f"needs = {self.needs!r}: must be one of {NEEDS[1:]}, or empty")
        if bool(self.wraps) != bool(self.wrapper):
            raise ValueError("wraps and wrapper: one needs the other")


def _check_type(name: str, value: object) -> None:
    if name in _LISTS:
        if not isinstance(value, tuple) or not all(isinstance(v, str) and v for v in value):
            what = _LISTS[name]
            raise ValueError(f"{name} = {value!r}: must be a tuple of {what}")
    elif not isinstance(value, bool if name in _BOOLS else str):
        raise ValueError(f"{name} = {value!r}: must be {'a bool' if name in _BOOLS else 'text'}")


@dataclass(frozen=True, slots=True)
class Context:
    """What a factory needs besides its params."""

    device: str = "cpu"
    """A torch device string, such as ``"cpu"`` or ``"cuda:0"``."""
    dtype: str = "float32"
    """Name of the torch dtype that weights and images have."""
    seed: int = 0
    """The study's seed for a component that says ``seeded``, else 0; a component's own ``seed``
    parameter goes first."""
    readers: int = 1
    """Threads that may read images ahead, for what reads a split; results don't depend on them."""
    cache: Path = field(default_factory=default_cache)
    """Where ``rateval model fetch`` puts what it downloads."""
