"""Questions about images: what an answer is, and when it is right."""
