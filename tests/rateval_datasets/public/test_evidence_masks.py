"""Boxes and outlines as masks, against loops over the pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from rateval_datasets.contours import fill_contour, fill_polygon
from rateval_datasets.public.boxes import Box, draw_boxes, parse_annotation

SIDES = st.integers(-8, 20)
BOXES = st.lists(
    st.tuples(SIDES, SIDES, st.integers(0, 20), st.integers(0, 20)).map(
        lambda b: ("x", b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    max_size=4,
)
POINTS = st.lists(
    st.tuples(st.integers(-24, 48).map(lambda n: n / 4), st.integers(-24, 48).map(lambda n: n / 4)),
    min_size=3,
    max_size=9,
)
XML = "<annotation>{}<object><name>dog</name>{}</object></annotation>"
FRAME = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"


@given(boxes=BOXES)
def test_union_of_boxes(tools: Any, boxes: list[tuple[str, int, int, int, int]]) -> None:
    mask = draw_boxes([Box(*box) for box in boxes], None, (9, 12))
    np.testing.assert_array_equal(mask, tools.box_mask(boxes, (9, 12)), strict=True)


def test_boxes_seen_at_another_size() -> None:
    """A pixel belongs to a box when its centre does."""
    seen, size = (30, 70), (12, 19)
    box = Box("x", 11, 7, 40, 22)
    mask = draw_boxes([box], seen, size)
    for row in range(12):
        for column in range(19):
            y, x = (row + 0.5) * 30 / 12, (column + 0.5) * 70 / 19
            assert mask[row, column] == (7 <= y < 23 and 11 <= x < 41)


@given(points=POINTS)
def test_outline_fills_by_the_even_odd_rule(tools: Any, points: list[tuple[float, float]]) -> None:
    mask = fill_contour(np.array(points).T, (7, 10))
    np.testing.assert_array_equal(mask, tools.outline_mask(points, (7, 10)), strict=True)


@given(
    points=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 29)), min_size=3, max_size=12),
)
def test_polygon_is_that_of_opencv(points: list[tuple[int, int]]) -> None:
    expected = np.zeros((30, 40), dtype=np.uint8)
    cv2.fillPoly(expected, [np.array(points, dtype=np.int32)], 1)
    mask = fill_polygon(np.array(points, dtype=float).T, (30, 40))
    np.testing.assert_array_equal(mask, expected > 0, strict=True)


def test_polygon_that_leaves_the_image_is_cut_at_its_edge(tools: Any) -> None:
    points = [(-7, 3), (12, -9), (25, 8), (9, 31)]
    inside = fill_polygon(np.array([(x + 20, y + 20) for x, y in points], dtype=float).T, (70, 70))
    mask = fill_polygon(np.array(points, dtype=float).T, (20, 22))
    np.testing.assert_array_equal(mask, inside[20:40, 20:42], strict=True)


@pytest.mark.parametrize(
    "contour", [np.zeros((3, 4)), np.zeros((2, 2)), np.zeros(6), np.full((2, 4), np.nan)]
)
def test_what_is_no_outline_is_refused(contour: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ValueError, match="an outline has"):
        fill_contour(contour, (5, 5))


def test_annotation_holds_names_boxes_and_size() -> None:
    size = "<size><width>50</width><height>40</height></size>"
    found = parse_annotation(XML.format(size, FRAME))
    assert found.size == (40, 50)
    assert found.boxes == (Box("dog", 1, 2, 3, 4),)
    assert parse_annotation(XML.format("", FRAME)).size is None
    zero = "<size><width>0</width><height>0</height></size>"
    assert parse_annotation(XML.format(zero, FRAME)).size is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (XML.format("", ""), "lacks bndbox"),
        (XML.format("", FRAME.replace("<ymax>4</ymax>", "")), "lacks ymax"),
        (XML.format("", FRAME.replace("4", "four")), "invalid literal"),
        (XML.format("", FRAME.replace("<xmax>3", "<xmax>0")), "ends before it begins"),
        ("<annotation>", "no element found"),
    ],
)
def test_broken_annotations_say_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises((ValueError, SyntaxError), match=reason):
        parse_annotation(text)


def test_entities_are_refused() -> None:
    """Neither a bomb nor a look at another file gets as far as the parser."""
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>'
    outside = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><annotation>&b;</annotation>'
    for text in (bomb, outside):
        with pytest.raises(ValueError, match="document type"):
            parse_annotation(text)
    with pytest.raises(SyntaxError, match="undefined entity"):
        parse_annotation("<annotation>&b;</annotation>")
