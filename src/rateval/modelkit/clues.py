"""What ``rateval init`` was given, and what a component makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Clues:
    """What a person has: data, masks and a checkpoint, each as far as it was named."""

    data: Path | None = None
    """File or folder of the photos or of what lists them; it exists."""
    masks: Path | None = None
    """Folder of masks, or a file of annotations; it exists."""
    checkpoint: Path | None = None
    """File or folder of the fine-tuned model; it exists."""
    file: Path | None = None
    """The file in it that ``weights`` were read from, or the index of its shards."""
    weights: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Its tensors by their names, out of what a training program put around them all."""
    averaged: bool = False
    """Whether the checkpoint holds averaged weights alone."""
    both: str = ""
    """Where it holds trained and averaged ones: which of them ``weights`` are, in words."""
    base: str = ""
    """Path or published name of the model from before the fine-tuning, where somebody said it."""
    downloads: Path = Path()
    """Where ``rateval model fetch`` puts official checkpoints; it need not exist."""
    pristine: bool = True
    """For fine-tuning methods: whether the model of the spec is the one from before."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a component recognised, as an entry of a spec.

    A dataset and a model are chosen by ``sure``; of fine-tuning methods each guess is an entry.
    """

    why: str
    """What tells it, in words, such as ``photos in 4 class folders``."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """What stands in the spec's table; paths as text."""
    sure: int = 1
    """3: by what nothing else has; 2: by how files lie; 1: as nothing speaks against it; 0: for
    want of anything better."""
    unknown: tuple[str, ...] = ()
    """What nothing says, each with what was taken for it and what to do: a sentence."""
    fill: Mapping[str, Any] = field(default_factory=dict)
    """Params that stand there as a comment, to be filled in by a person."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Numbers that must agree between dataset, model and methods: ``classes``, ``features``."""
    lacks: str = ""
    """What has to be there first, and how to get it: such an entry cannot run."""
    pristine: bool = True
    """For a model: whether its weights are those from before the fine-tuning."""
