"""The published constants, by severity 1 to 5.

Source: hendrycks/robustness, ImageNet-C/create_c/make_imagenet_c.py, which made the files. Lengths
are in pixels of an image of 224 x 224; what is a share of a level's range is one of 1.
"""

from __future__ import annotations

GAUSSIAN_NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)
"""Standard deviation."""
SHOT_NOISE = (60, 25, 12, 5, 3)
"""Photons of a white pixel."""
IMPULSE_NOISE = (0.03, 0.06, 0.09, 0.17, 0.27)
"""Share of the channels' values that turn black or white."""
SPECKLE_NOISE = (0.15, 0.2, 0.35, 0.45, 0.6)
"""Standard deviation, as a share of the pixel's own level."""

DEFOCUS_BLUR = ((3, 0.1, 3), (4, 0.5, 3), (6, 0.5, 3), (8, 0.5, 3), (10, 0.5, 5))
"""Radius of the disk; standard deviation and width of the Gaussian that smooths its edge."""
GLASS_BLUR = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
"""Standard deviation of the blurs before and after; farthest step of a pixel; rounds."""
MOTION_BLUR = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
"""Radius and standard deviation of the Gaussian whose one half is the trail."""
ZOOM_BLUR = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))
"""End (excluded, but for rounding) and step of the zooms, which begin at 1."""
GAUSSIAN_BLUR = (1, 2, 3, 4, 6)
"""Standard deviation."""

SNOW = (
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
"""Mean and standard deviation of the flakes' noise, its zoom, the level below which there is none;
radius and standard deviation of their trails; share of the picture that isn't whitened."""
FROST = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
"""Weights of the picture and of the frost."""
FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
"""Weight of the fog; by how much its roughness falls from one octave to the next."""
SPATTER = (
    (0.65, 0.3, 4, 0.69, 0.6),
    (0.65, 0.3, 3, 0.68, 0.6),
    (0.65, 0.3, 2, 0.68, 0.5),
    (0.65, 0.3, 1, 0.65, 1.5),
    (0.67, 0.4, 1, 0.65, 1.5),
)
"""Mean, standard deviation and blur of the liquid's noise, the level below which there is none;
strength of the water (1 to 3) or blur of the mud's edge (4 and 5)."""

BRIGHTNESS = (1, 2, 3, 4, 5)
"""Tenths that are added to the value of HSV."""
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
"""What is left of the distance to the channel's mean."""
ELASTIC_TRANSFORM = (
    (244 * 2, 244 * 0.7, 244 * 0.1),
    (244 * 2, 244 * 0.08, 244 * 0.2),
    (244 * 0.05, 244 * 0.01, 244 * 0.02),
    (244 * 0.07, 244 * 0.01, 244 * 0.02),
    (244 * 0.12, 244 * 0.01, 244 * 0.02),
)
"""Reach and smoothness of the displacement, reach of the affine map's corners; 244 is the published
code's own, for 224."""
PIXELATE = (0.6, 0.5, 0.4, 0.3, 0.25)
"""Share of the rows and columns that are kept."""
JPEG_COMPRESSION = (25, 18, 15, 10, 7)
"""Quality."""
SATURATE = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))
"""Factor of the saturation of HSV, and what is added to it."""
