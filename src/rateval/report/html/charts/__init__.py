"""The charts of a page, and what stands among them: bars, transitions and classes."""
