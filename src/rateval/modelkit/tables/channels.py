"""Types of the parameters that say how an image's channels are normalised."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_Mean = Annotated[float, Field(ge=0, le=1)]
_Std = Annotated[float, Field(gt=0, le=10)]

ImageMean = tuple[_Mean, _Mean, _Mean]
"""Mean of red, green and blue on the scale 0 to 1."""
ImageStd = tuple[_Std, _Std, _Std]
"""Standard deviation of red, green and blue on the scale 0 to 1."""
