"""What a writing model is asked and answers, as ids, by the folder's own chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from rateval.api import RatevalError
from rateval_hf.writing.files import (
    folder_of,
    locate_tokenizer,
    read_special_tokens,
    read_template,
)
from rateval_hf.writing.params import QUESTION, VlmParams

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """B prompts and what is answered, as the model reads and predicts them."""

    inputs: torch.Tensor
    """(B, M) int64: padding, prompt and answer; the answer's end is predicted alone."""
    mask: torch.Tensor
    """(B, M) int64: 0 at padding, else 1."""
    targets: torch.Tensor
    """(B, T) int64: the answer and its end, 0 behind it."""
    known: torch.Tensor
    """(B, T) bool, False at padding."""
    spans: tuple[Spans, ...]
    """Start and stop of each target in the answer, in characters."""

    def reading(self) -> torch.Tensor:
        """Return which of the inputs predict a target, (B, M) bool: the last ones of each row."""
        counts = self.known.sum(dim=1, keepdim=True)
        backwards = torch.arange(self.inputs.shape[1] - 1, -1, -1, device=counts.device)
        return backwards[None] < counts

    def to(self, device: torch.device) -> Written:
        """Return the same on another device."""
        inputs, mask = self.inputs.to(device), self.mask.to(device)
        return Written(inputs, mask, self.targets.to(device), self.known.to(device), self.spans)


class Words:
    """A tokenizer with a chat template that asks about one image."""

    def __init__(self, params: VlmParams, image_id: int, image: str, ends: Sequence[int]) -> None:
        """Read the folder's files; ``image`` stands in a prompt for the image's one placeholder.

        ``image_id`` is the id of an image token, ``ends`` those that end an answer. Raises
        RatevalError for files that are missing or damaged, and for a template that writes no image,
        or several.
        """
        folder = folder_of(params)
        self._path = locate_tokenizer(folder)
        self._template, self._template_path = read_template(folder)
        self._instruction, self._caption = params.instruction, params.caption
        self._tokenizer = _read_tokenizer(self._path, read_special_tokens(folder))
        word = self._tokenizer.convert_ids_to_tokens(image_id)
        if word is None:
            raise RatevalError(
                f"{self._path}: has no word {image_id}, which stands for an image by config.json; "
                "give the tokenizer that belongs to the model"
            )
        self.image_id = image_id
        self._word: str = word
        self._image = image.replace(QUESTION, word)
        self._count = self._image.count(word)
        self._lead, tail = self._around_answer()
        self.ends = self._find_ends(tail, ends)

    def __deepcopy__(self, _memo: object) -> Words:
        """Return itself: nothing in it changes."""
        return self

    def __len__(self) -> int:
        return len(self._tokenizer)

    def prompt(self, question: str) -> str:
        """Return what the model reads before it answers, the image's tokens in it.

        Raises RatevalError for an empty question, unless a caption is asked for by it, and for one
        that writes an image itself.
        """
        if not question.strip() and (question or not self._caption):
            raise RatevalError(
                f"question = {question!r}: holds no word; ask one, leave the sample out, or set "
                "caption, which is asked where a question is empty"
            )
        said = self._instruction.replace(QUESTION, question) if question else self._caption
        if self._word in said:
            raise RatevalError(
                f"question = {question!r}: holds {self._word}, which stands for an image; take it "
                "out"
            )
        rendered = self._render(said)
        found = rendered.count(self._word)
        if found != 1:
            raise RatevalError(
                f"{self._template_path}: writes {self._word} {found} times for one image, and must "
                "write it once; give the chat template that belongs to the model"
            )
        if said.strip() not in rendered:
            raise RatevalError(
                f"{self._template_path}: leaves out what is asked; give the chat template that "
                "belongs to the model"
            )
        return rendered.replace(self._word, self._image)

    def write(self, questions: Sequence[str], answers: Sequence[str]) -> Written:
        """Turn B questions and their answers into what the model reads and predicts.

        An answer without a word is its end alone. Raises RatevalError as ``prompt`` does, for an
        answer that writes an image, and where the image's tokens are not as many as the model
        makes.
        """
        rows, targets, spans = [], [], []
        for question, answer in zip(questions, answers, strict=True):
            before, own, places = self._split(self.prompt(question), answer)
            end = (len(answer), len(answer))
            rows.append([*before, *own])
            targets.append([*own, self.ends[0]])
            spans.append((*places, end))
        longest, most = max(map(len, rows)), max(map(len, targets))
        return Written(
            torch.tensor([[0] * (longest - len(row)) + row for row in rows]),
            torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows]),
            torch.tensor([row + [0] * (most - len(row)) for row in targets]),
            torch.tensor([[True] * len(r) + [False] * (most - len(r)) for r in targets]),
            tuple(spans),
        )

    def read(self, ids: Sequence[int]) -> str:
        """Turn the ids of an answer, up to its end, into its text."""
        kept = [one for one in ids if one != self.image_id]
        text = self._tokenizer.decode(
            kept, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return str(text).strip()

    def _split(self, prompt: str, answer: str) -> tuple[list[int], list[int], Spans]:
        """Return ids of prompt and answer, and the characters of each of the latter."""
        if self._word in answer:
            raise RatevalError(
                f"answer = {answer!r}: holds {self._word}, which stands for an image; take it out"
            )
        before, _ = self._encode(prompt, begin=True)
        found = before.count(self.image_id)
        if found != self._count:
            raise RatevalError(
                f"{self._path}: makes {found} image tokens of a prompt with {self._count}, as many "
                "as the model makes of an image; give the tokenizer that belongs to the model"
            )
        if not answer.strip():
            return before, [], ()
        shift = len(prompt) + len(self._lead)
        ids, offsets = self._encode(prompt + self._lead + answer, begin=True)
        if ids[: len(before)] == before and len(ids) > len(before):
            ids, offsets = ids[len(before) :], offsets[len(before) :]
        else:  # a word that goes across: the answer is split for itself
            shift = len(self._lead)
            ids, offsets = self._encode(self._lead + answer, begin=False)
        inside = tuple(
            (max(0, start - shift), min(len(answer), max(0, stop - shift)))
            for start, stop in offsets
        )
        return before, ids, inside

    def _encode(self, text: str, *, begin: bool) -> tuple[list[int], list[tuple[int, int]]]:
        # As processors do: a template that writes the first word itself gets no second one.
        first = self._tokenizer.bos_token
        special = begin and not (first is not None and text.startswith(first))
        found = self._tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
        return list(found["input_ids"]), list(found["offset_mapping"])

    def _render(self, said: str, answer: str | None = None) -> str:
        content = [{"type": "image"}, {"type": "text", "text": said}]
        conversation: list[Any] = [{"role": "user", "content": content}]
        if answer is not None:
            written = [{"type": "text", "text": answer}]
            conversation.append({"role": "assistant", "content": written})
        try:
            rendered = self._tokenizer.apply_chat_template(
                conversation,
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=answer is None,
            )
        except Exception as error:  # the template is the only cause there is
            reason = str(error).strip().partition("\n")[0]
            raise RatevalError(
                f"{self._template_path}: its chat template cannot be followed: "
                f"{type(error).__name__}: {reason}; give the one that belongs to the model"
            ) from error
        return str(rendered)

    def _around_answer(self) -> tuple[str, str]:
        """Return the blanks that the template writes before an answer, and what follows it."""
        prompt, answer = self._render("what"), "that"
        try:
            whole = self._render("what", answer)
        except RatevalError:
            return "", ""  # one that can only ask
        rest = whole.removeprefix(prompt)
        lead, found, tail = rest.partition(answer)
        if rest == whole or not found or lead.strip():
            return "", ""
        return lead, tail

    def _find_ends(self, tail: str, ends: Sequence[int]) -> tuple[int, ...]:
        """Return the ids that end an answer, first the one that is written."""
        own = self._tokenizer.eos_token_id
        found = [*ends, *([own] if own is not None else [])]
        written = self._encode(tail, begin=False)[0][:1] if tail.strip() else []
        special = {index for index, token in self._added() if token.special}
        first = [one for one in written if one in special]
        every = tuple(dict.fromkeys([*first, *found]))
        if not every:
            raise RatevalError(
                f"{self._path.parent}: neither generation_config.json nor config.json nor the "
                "tokenizer says which word ends an answer; set eos_token_id there"
            )
        return every

    def _added(self) -> list[tuple[int, Any]]:
        return list(self._tokenizer.added_tokens_decoder.items())


def _read_tokenizer(path: Path, special: dict[str, str]) -> Any:
    try:
        # Data alone: no class that a file names is looked for.
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        make: Any = PreTrainedTokenizerFast
        return make(tokenizer_object=tokenizer, **special)
    except Exception as error:  # the file is the only cause there is
        reason = str(error).strip().partition("\n")[0]
        raise RatevalError(
            f"{path}: the tokenizer cannot be read: {reason}; save the model's fast tokenizer again"
        ) from error
