"""Relevance of the image's tokens by the rules for two modalities, as functions of tensors.

Source: Chefer, Gur, Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers", ICCV 2021 (arXiv 2103.15679), section 3, and the authors' code
(hila-chefer/Transformer-MM-Explainability: lxmert/lxmert/src/ExplanationGenerator.py for two
streams that look at each other, DETR/modules/ExplanationGenerator.py for encoder-decoders).

R of a stream s and a stream x holds how much each token of s rests on each token of x; it starts as
the identity where s is x, as zero elsewhere. With C an attention's ``contributions`` (equation 5):

- s looks at itself: R_sx += C R_sx for every x, s among them (equations 6 and 7).
- s looks at q: R_sq += N(R_ss)^T C N(R_qq), where N(R) is the identity plus R - I with each row
  divided by its sum (equations 8 to 10).
- s looks at q: R_ss += C R_qs (equation 11).

In an encoder-decoder nothing looks back at the answer, so that R_qs is zero and equation 11 adds
nothing: the paper's paragraph on encoder-decoders and the authors' code for DETR leave it out.

What is this project's own:

- More than two streams (image, question, answer): s looks at q gives R_sx += C R_qx for every x
  other than q. That is equation 11, which is the case that x is s, taken for a third stream. So a
  question that has looked at the image hands on to the answer what it holds of it.
- Tokens of q that became tokens of s, as patches put among words do: R_sx += S R_qx, where S has a
  row for each token of s, with 1 / k at each of the k tokens of q that became it. A decoder's own
  layers then go by equations 6 and 7.
- A row of R - I whose sum is 0 stays 0 in N; the authors' code for DETR drops every NaN that 0 / 0
  makes of the product instead.

One row of R is wanted, and no R is ever formed: rows go backwards through the steps, and columns
forwards where N is asked for. R - I is followed instead of R: of small contributions, float32 would
lose in I + C what is then divided by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rateval.api import RatevalError
from rateval.api.tasks.texts import Passed
from rateval_attention.answers.flows import IMAGE, pass_back

_LEAST = 1e-30
"""Row sums up to this one count as 0: what is divided by less may overflow in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """An attention with its heads taken together."""

    to: str
    of: str
    weights: torch.Tensor
    """(B, N of ``to``, N of ``of``), not negative."""


def image_row(steps: Sequence[Weighed | Passed], final: str, start: torch.Tensor) -> torch.Tensor:
    """Return the row of R of ``final`` and the image that ``start`` reads, (B, N of the image).

    ``start`` (B, N of ``final``) are the weights of the tokens that are read; the row is their
    product with R. Raises RatevalError when streams look at each other.

    >>> looks = Weighed("answer", "image", torch.tensor([[[0.5, 0.0], [0.0, 0.25]]]))
    >>> image_row([looks], "answer", torch.tensor([[0.0, 1.0]]))
    tensor([[0.0000, 0.2500]])
    """
    require_one_way(steps)
    sums = _row_sums(steps, start)
    rows = {final: start}
    kept = base = beyond = torch.zeros_like(sums[0])
    for at in range(len(steps) - 1, -1, -1):
        step = steps[at]
        if step.to == step.of == IMAGE:
            assert isinstance(step, Weighed)
            beyond = beyond + _times(base + beyond, step.weights)
            continue
        row = rows.get(step.to)
        if row is None or step.to == IMAGE:  # no answer is read from there
            continue
        if step.of != IMAGE:
            moved = _backwards(row, step)
            rows[step.of] = rows[step.of] + moved if step.of in rows else moved
            continue
        if isinstance(step, Passed):
            through = read = pass_back(row, step.places)
        else:
            read = _times(_spread(row, steps[:at], step.to), step.weights)
            through = _divide(read, sums[at])
        # What is read times N(R), or times R: all of it now, and what R - I adds by and by.
        kept, base = kept + read, base + through
    return kept + beyond


def require_one_way(steps: Sequence[Weighed | Passed]) -> None:
    """Raise RatevalError when a stream looks at one that looks back, by whatever way.

    >>> there, back = (Weighed(*to, torch.ones(1, 1, 1)) for to in (("a", "b"), ("b", "a")))
    >>> require_one_way([there])
    """
    sources: dict[str, set[str]] = {}
    for step in steps:
        if step.to != step.of:
            sources.setdefault(step.to, set()).add(step.of)
    while sources:
        ends = {to for to, of in sources.items() if not of & sources.keys()}
        if not ends:
            raise RatevalError(
                f"generic-attention: of this model's streams {', '.join(sorted(sources))} some "
                "look at each other, where the rules are for answers that look at the image one "
                "way; use token-attention or cross-attention-grad-cam"
            )
        sources = {to: of for to, of in sources.items() if to not in ends}


def _backwards(row: torch.Tensor, step: Weighed | Passed) -> torch.Tensor:
    if isinstance(step, Passed):
        return pass_back(row, step.places)
    return _times(row, step.weights)


def _times(row: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Return a row (B, M) times (B, M, N), (B, N)."""
    return (row[:, None] @ matrix)[:, 0]


def _spread(row: torch.Tensor, steps: Sequence[Weighed | Passed], stream: str) -> torch.Tensor:
    """Return a row (B, N) times N(R_ss)^T, R as it is after ``steps``."""
    columns = torch.stack([row, torch.ones_like(row)], dim=2)
    beyond = torch.zeros_like(columns)
    for step in steps:
        if step.to == step.of == stream and isinstance(step, Weighed):
            beyond = beyond + step.weights @ (columns + beyond)
    excess, sums = beyond.unbind(dim=2)
    return row + _divide(excess, sums)


def _row_sums(steps: Sequence[Weighed | Passed], like: torch.Tensor) -> list[torch.Tensor]:
    """Return the sum of each row of R - I of the image before each step, (B, N) each."""
    first = next(step for step in steps if step.of == IMAGE)
    length = (first.places if isinstance(first, Passed) else first.weights).shape[-1]
    sums, found = like.new_zeros(len(like), length), []
    for step in steps:
        found.append(sums)
        if step.to == step.of == IMAGE and isinstance(step, Weighed):
            sums = sums + (step.weights @ (1 + sums)[:, :, None])[:, :, 0]
    return found


def _divide(values: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
    return torch.where(sums > _LEAST, values / sums.clamp(min=_LEAST), 0)
