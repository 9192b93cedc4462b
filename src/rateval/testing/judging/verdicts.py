"""What every verdict promises, whatever it judges."""

from __future__ import annotations

import torch

from rateval.api.values import Verdict
from rateval.testing.failure import describe, difference, require, require_tensor

JUDGE = "Validator.judge"
"""Where a promise is broken."""


def check_form(verdict: Verdict, count: int) -> None:
    """Check shapes, types and reasons of a verdict on ``count`` images."""
    require(isinstance(verdict, Verdict), JUDGE, "return a Verdict", repr(verdict))
    require_tensor(verdict.score, (count,), torch.float32, "Verdict.score", "(B,)")
    require_tensor(verdict.valid, (count,), torch.bool, "Verdict.valid", "(B,)")
    require_tensor(verdict.defined, (count,), torch.bool, "Verdict.defined", "(B,)")
    reasons = verdict.reasons
    require(
        isinstance(reasons, tuple)
        and len(reasons) == count
        and all(isinstance(reason, str) for reason in reasons),
        "Verdict.reasons",
        f"be a tuple of {count} strings",
        repr(reasons),
    )
    defined = verdict.defined.tolist()
    require(
        all((reason == "") == known for reason, known in zip(reasons, defined, strict=True)),
        "Verdict.reasons",
        "be empty where defined and say why where not",
        f"{reasons} with defined = {defined}",
    )
    require(
        not (verdict.valid & ~verdict.defined).any(),
        "Verdict.valid",
        "never be True where defined is False",
        f"valid = {verdict.valid.tolist()} with defined = {defined}",
    )
    finite = verdict.score[verdict.defined].isfinite().all()
    require(finite, "Verdict.score", "be finite where defined", verdict.score.tolist())


def require_same(part: Verdict, whole: Verdict, order: torch.Tensor, asked: str) -> None:
    """Require of a verdict to be that on the images ``order`` of the whole."""
    same = (
        difference(part.score, whole.score[order]) <= 1e-5
        and part.valid.equal(whole.valid[order])
        and part.defined.equal(whole.defined[order])
    )
    got = f"{part.score.tolist()} for {whole.score[order].tolist()}"
    require(same, JUDGE, asked, got if part.score.numel() else describe(part.score))
