"""Public datasets of captions, known by the names of their files."""

from __future__ import annotations

from rateval.modelkit import Clues, Guess
from rateval_datasets.detection.layouts import find_layout


def detect_coco_captions(clues: Clues) -> Guess | None:
    """Return COCO's captions, less surely than the reader of the instances beside them."""
    return find_layout(clues, "COCO's captions", "annotations/captions_val2017.json", sure=2)


def detect_flickr30k_entities(clues: Clues) -> Guess | None:
    """Return Flickr30k Entities."""
    places = ("Annotations", "Sentences", "test.txt")
    return find_layout(clues, "Flickr30k Entities' phrases", *places)
