"""The commands of ``rateval runs``, and how they print what they find."""
