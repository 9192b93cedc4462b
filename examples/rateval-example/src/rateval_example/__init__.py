"""A small third-party plugin of rateval."""
