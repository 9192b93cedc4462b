"""Time explaining an answer to a question against generating it, in turns: 4 minutes.

A `blip-vqa` of random weights, which change no timing but that of the answer's length: it writes
as many tokens as asked for. The answer is explained by each explainer from its score, as a study
does; the time to generate it comes beside. The time is that of the processor.

    OMP_NUM_THREADS=1 python benchmarks/answers.py
"""

from __future__ import annotations

import argparse
import string
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pace import LIMIT_S, tell
from pairs import ratio, time_pairs

import rateval
from rateval.api.tasks.texts import Answered

SIZES = {"image_size": 224, "patch_size": 16, "max_positions": 64}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
EXPLAINERS: dict[str, dict[str, Any]] = {
    "generic-attention, all": {"use": "generic-attention", "layers": "all"},
    "generic-attention, last": {"use": "generic-attention", "layers": "last"},
    "cross-attention-grad-cam": {"use": "cross-attention-grad-cam"},
    "token-attention": {"use": "token-attention"},
}


class Asked:
    """A model, and questions about noise."""

    def __init__(self, folder: Path, batch: int, tokens: int) -> None:
        words = [*SPECIAL, *string.ascii_lowercase]
        vocabulary = folder / "vocab.txt"
        vocabulary.write_text("\n".join(words) + "\n", encoding="utf-8")
        size = SIZES | {"vocabulary_size": len(words) + 2}
        self.model: Any = rateval.create(
            "model",
            "blip-vqa",
            pretrained="random",
            size=size,
            vocabulary=str(vocabulary),
            max_new_tokens=tokens,
        )
        self.model.module.eval().requires_grad_(False)
        self.images = torch.randn(batch, 3, SIZES["image_size"], SIZES["image_size"])
        self.questions = ("a b c d e f g",) * batch
        self.answered = Answered(
            self.images,
            self.questions,
            (" ".join("hijklmnopq"[: tokens - 1]),) * batch,
            tuple(map(str, range(batch))),
        )

    def generate(self) -> None:
        """Write an answer to each question."""
        self.model.generate(self.images, self.questions)

    def explain(self, explainer: Any) -> None:
        """Explain given answers, which are as long."""
        explainer.explain_answers(self, self.answered)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=4, help="of an answer, its end included")
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(Path(folder), given.batch, given.tokens)
        tell(f"blip-vqa, ViT-B/16 of 224 px, {torch.get_num_threads()} thread(s)")
        for name, table in EXPLAINERS.items():
            params = {key: value for key, value in table.items() if key != "use"}
            explainer = rateval.create("attribution", table["use"], **params)
            explain = partial(asked.explain, explainer)
            limit = LIMIT_S / len(EXPLAINERS)
            pairs = time_pairs(explain, asked.generate, given.pairs, limit, time.process_time)
            print(f"{name}: {ratio(pairs)} times what generating takes", flush=True)


if __name__ == "__main__":
    main()
