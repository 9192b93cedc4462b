"""The Python entry point for one photo: quick to import, as its name is looked for among others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rateval.live.looking.asking import Entry
    from rateval.live.looking.texts import TextLook
    from rateval.live.looking.values import Look
    from rateval.registry.registry import Registry


def look(
    image: str | Path,
    *,
    model: Entry,
    classes: Sequence[str] | str | Path | None = None,
    question: str | None = None,
    phrase: str = "",
    label: str | None = None,
    mask: str | Path | None = None,
    checkpoint: str | Path | Mapping[str, Any] | None = None,
    attribution: Entry = "generic-attention",
    validators: Entry | Sequence[Entry] = "relevance-mass",
    donors: str | Path | None = None,
    donor_masks: str | Path | None = None,
    exif: Literal["apply", "ignore"] = "apply",
    device: str = "auto",
    registry: Registry | None = None,
) -> Look | TextLook:
    """Explain one photo: its prediction, relevance map, verdict and edits, with a PNG of them.

    ``model``, ``attribution`` and ``validators`` are as in a spec, a name or a dict with ``use``
    and params; ``classes`` are labels, or a file with one a line. ``checkpoint`` is a model that
    was fine-tuned elsewhere. Evidence is judged where there is a ``mask``. ``donors`` are photos
    with masks, as ``rateval init`` recognises them, on whose backgrounds the object is put. The
    numbers are those of a run's row of the same photo.

    A ``question`` in the place of classes is answered by a text, and ``label`` is then the right
    answer; without both a caption is asked for. The map is that of the whole text or of a
    ``phrase`` of it, and each token has one, too, where the attribution explains it alone.

    Raises SpecError with everything that is wrong with the arguments, and RatevalError for a file
    that can't be used.
    """
    # Here, so that who asks for another name needn't wait for torch.
    from rateval.live.looking.answering import look as look_at
    from rateval.live.looking.asking import Question
    from rateval.registry.discovery import discover

    def text(path: str | Path | None) -> str | None:
        return None if path is None else str(path)

    several = [validators] if isinstance(validators, str | Mapping) else validators
    asked = Question(
        image=str(image),
        model=model,
        classes=text(classes) if isinstance(classes, str | Path | None) else tuple(classes),
        text=question,
        phrase=phrase,
        label=label,
        mask=text(mask),
        checkpoint=checkpoint if isinstance(checkpoint, Mapping) else text(checkpoint),
        attribution=attribution,
        validators=tuple(several),
        donors=text(donors),
        donor_masks=text(donor_masks),
        exif=exif,
        device=device,
    )
    return look_at(asked, registry or discover())
