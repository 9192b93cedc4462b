"""The shifts that test the reason, as components."""

from __future__ import annotations

from rateval.api import Component

_FOLDER = "rateval_shifts.reasons"
_FILL_IN = ("background-swap", "object")
"""Those that fill objects in, by OpenCV."""
_SHIFTS = (
    (
        "background-swap",
        "Objects on the backgrounds of other test images, whose own objects are filled in",
        "background_swap:make_background_swap",
        "BackgroundSwapParams",
    ),
    (
        "background",
        "Objects as they are, backgrounds blurred, made grey or noise, or removed",
        "regions:make_background",
        "BackgroundParams",
    ),
    (
        "object",
        "Backgrounds as they are, objects filled in from around or made grey",
        "regions:make_object",
        "ObjectParams",
    ),
    (
        "watermark",
        "A drawn mark that goes with the class, as strongly as is asked for",
        "watermark:make_watermark",
        "WatermarkParams",
    ),
    ("grey", "Images without their colours", "detail:make_grey", "GreyParams"),
    (
        "patch-shuffle",
        "Images cut into a grid of patches, which change places",
        "places:make_patch_shuffle",
        "PatchShuffleParams",
    ),
    ("crop", "A part of each image, without the rest", "places:make_crop", "CropParams"),
    (
        "rotate",
        "Images turned about their centre, continued by their mirror images",
        "places:make_rotate",
        "RotateParams",
    ),
    ("jpeg", "Images as JPEG of low quality", "detail:make_jpeg", "JpegParams"),
    (
        "resolution",
        "Images made small and enlarged again",
        "detail:make_resolution",
        "ResolutionParams",
    ),
)
"""Name, summary, factory and params of each."""


def list_components() -> list[Component]:
    """Return one component for each shift that tests the reason."""
    return [
        Component(
            name=name,
            summary=summary,
            factory=f"{_FOLDER}.{factory}",
            params=f"{_FOLDER}.params:{params}",
            requires=("cv2",) if name in _FILL_IN else (),
            extra="counterfactual" if name in _FILL_IN else "",
        )
        for name, summary, factory, params in _SHIFTS
    ]
