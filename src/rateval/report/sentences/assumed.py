"""The sentences on how weights were read, and on what no file says of them."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.records.run import RunRecord


def explain_assumed(record: RunRecord) -> Iterator[str]:
    """Yield each sentence once, with the models and fine-tuning methods that it is about."""
    pairs = dict.fromkeys((cell.key.model, cell.key.finetuner) for cell in record.cells)
    about: dict[str, dict[tuple[str, str], None]] = {}
    for cell in record.cells:
        for sentence in cell.assumed:
            about.setdefault(sentence, {})[cell.key.model, cell.key.finetuner] = None
    for sentence, rows in about.items():
        names: dict[str, None] = {}
        for model, finetuner in rows:
            whole = all(pair in rows for pair in pairs if pair[0] == model)
            names[model if whole else f"{model}, {finetuner}"] = None
        yield f"{' and '.join(names)}: {sentence}"
