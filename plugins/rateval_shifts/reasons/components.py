"""The shifts that test the reason, as components."""

from __future__ import annotations

from rateval.api import Component

_FOLDER = "rateval_shifts.reasons"


def list_components() -> list[Component]:
    """Return one component for each shift that tests the reason."""
    return [
        _declare(
            "background-swap",
            "Objects on the backgrounds of other test images, whose own objects are filled in",
            "background_swap:make_background_swap",
            "BackgroundSwapParams",
            fills=True,
        ),
        _declare(
            "background",
            "Objects as they are, backgrounds blurred, made grey or noise, or removed",
            "regions:make_background",
            "BackgroundParams",
        ),
        _declare(
            "object",
            "Backgrounds as they are, objects filled in from around or made grey",
            "regions:make_object",
            "ObjectParams",
            fills=True,
        ),
        _declare(
            "watermark",
            "A drawn mark that goes with the class, as strongly as is asked for",
            "watermark:make_watermark",
            "WatermarkParams",
        ),
        _declare("grey", "Images without their colours", "detail:make_grey", "GreyParams"),
        _declare(
            "patch-shuffle",
            "Images cut into a grid of patches, which change places",
            "places:make_patch_shuffle",
            "PatchShuffleParams",
        ),
        _declare(
            "crop", "A part of each image, without the rest", "places:make_crop", "CropParams"
        ),
        _declare(
            "rotate",
            "Images turned about their centre, continued by their mirror images",
            "places:make_rotate",
            "RotateParams",
        ),
        _declare("jpeg", "Images as JPEG of low quality", "detail:make_jpeg", "JpegParams"),
        _declare(
            "resolution",
            "Images made small and enlarged again",
            "detail:make_resolution",
            "ResolutionParams",
        ),
    ]


def _declare(
    name: str, summary: str, factory: str, params: str, *, fills: bool = False
) -> Component:
    return Component(
        name=name,
        summary=summary,
        factory=f"{_FOLDER}.{factory}",
        params=f"{_FOLDER}.params:{params}",
        requires=("cv2",) if fills else (),
        extra="counterfactual" if fills else "",
    )
