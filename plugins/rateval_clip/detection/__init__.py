"""What `rateval init` tells of a checkpoint by names and shapes: which CLIP, from which base."""

from __future__ import annotations

from rateval.modelkit import Clues, Guess


def detect(clues: Clues) -> Guess | None:
    """Return the CLIP that a checkpoint is of; without a checkpoint, one that is here.

    Raises RatevalError for a base that is named and isn't there, and for weights that can't be
    read.
    """
    from importlib.util import find_spec

    from rateval_clip.detection.told import tell

    told = tell(clues.weights) if clues.checkpoint is not None else None
    if clues.checkpoint is not None and told is None:
        return None
    if find_spec("open_clip") is None:  # the table of its architectures is needed
        return Guess("a CLIP by the names of its weights", sure=2)
    from rateval_clip.detection.guess import guess_model, guess_without

    return guess_without(clues) if told is None else guess_model(clues, told)
