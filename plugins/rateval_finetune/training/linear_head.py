"""A linear head on the model's features."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F

from rateval.api import HeadDecision, Model
from rateval.modelkit import Portions
from rateval_finetune.training.states import copy_state, load_part, name_state, require_fit

HEAD = "head."
EMBEDDING_HEAD = "embedding_head."
TOWER = "image_tower."


def new_head(
    width: int, classes: int, generator: torch.Generator, device: str, dtype: torch.dtype
) -> torch.nn.Linear:
    """Make a head of ``width`` inputs with torch's default distribution, drawn by ``generator``.

    The draw happens on the CPU in float32, so that every device starts from the same weights.

    >>> head = new_head(4, 2, torch.Generator().manual_seed(0), "cpu", torch.float32)
    >>> head.weight.shape, bool(head.weight.abs().max() <= 0.5)
    (torch.Size([2, 4]), True)
    """
    head = empty_head(width, classes)
    bound = 1 / math.sqrt(width)
    with torch.no_grad():
        head.weight.uniform_(-bound, bound, generator=generator)
        head.bias.uniform_(-bound, bound, generator=generator)
    return head.to(device=device, dtype=dtype)


def empty_head(width: int, classes: int) -> torch.nn.Linear:
    """Make a head without first weights: those would be drawn from torch's global generator."""
    return torch.nn.Linear(width, classes, device="meta").to_empty(device="cpu")


class HeadClassifier:
    """A classifier by a linear head.

    It sits on the model's features, or, with ``on_embedding``, on the image's embedding of unit
    length, where the class prompts' own embeddings make a head.
    """

    def __init__(
        self,
        model: Model,
        head: torch.nn.Linear,
        *,
        tuned: bool = True,
        on_embedding: bool = False,
    ) -> None:
        """Wrap a model; ``tuned`` says that its image tower was trained along."""
        self.model = model
        self.head = head
        self.tuned = tuned
        self.on_embedding = on_embedding

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, H, W) float32 as (B, K) float32, differentiable."""
        return self.score(self.inputs(images))

    def inputs(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the head sits on, (B, F)."""
        if self.on_embedding:
            return F.normalize(self.model.encode_image(images).float(), dim=-1)
        return self.model.features(images)

    def score(self, inputs: torch.Tensor) -> torch.Tensor:
        """Score what ``inputs`` returned as (B, K) float32."""
        scores: torch.Tensor = self.head(inputs)
        return scores.float()

    def state(self) -> dict[str, torch.Tensor]:
        """Copy the head, and the image tower if it was trained, to the CPU.

        Their tensors are named ``head.*``, ``embedding_head.*`` for one on the embedding, and
        ``image_tower.*``.
        """
        live = name_state(self.head, _prefix(self.on_embedding))
        if self.tuned:
            live |= name_state(self.model.image_tower, TOWER)
        return copy_state(live)

    @property
    def decision(self) -> HeadDecision:
        """The head, and what it sits on."""
        return HeadDecision(
            self.head.weight.detach(),
            self.head.bias.detach(),
            "embedding" if self.on_embedding else "features",
        )

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Put the tensors of a ``state`` of this classifier in the place of its own."""
        load_part(self.head, state, _prefix(self.on_embedding))
        if self.tuned:
            load_part(self.model.image_tower, state, TOWER)


def restore_head(
    model: Model,
    classes: Sequence[str],
    state: Mapping[str, torch.Tensor],
    device: str,
    dtype: torch.dtype,
    *,
    tuned: bool = True,
    on_embedding: bool = False,
) -> HeadClassifier:
    """Load what ``HeadClassifier.state`` gave into ``model`` and a head of its own.

    Raises RatevalError, before anything is changed, when names or shapes differ from what model
    and classes need.
    """
    prefix = _prefix(on_embedding)
    weight = state.get(prefix + "weight")
    width = weight.shape[-1] if weight is not None and weight.ndim else 0
    needed = {prefix + "weight": (len(classes), width), prefix + "bias": (len(classes),)}
    if tuned:
        tower = name_state(model.image_tower, TOWER)
        needed |= {name: tuple(tensor.shape) for name, tensor in tower.items()}
    require_fit(needed, state)
    head = empty_head(width, len(classes)).to(device=device, dtype=dtype)
    classifier = HeadClassifier(model, head, tuned=tuned, on_embedding=on_embedding)
    classifier.load(state)
    return classifier


def _prefix(on_embedding: bool) -> str:
    return EMBEDDING_HEAD if on_embedding else HEAD


@torch.no_grad()
def count_features(compute: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> int:
    """Return how many features ``compute`` gives, (B, F), of each of some images.

    Raises RatevalError when one alone does not fit into memory.
    """
    portions = feature_portions()
    return portions.each(len(images), lambda part: compute(images[part]).shape[1])[0]


def feature_portions() -> Portions:
    """Return as many images at once as can be turned into features."""
    return Portions(
        "turned into features", "take a smaller model or another device, such as --device cpu"
    )
