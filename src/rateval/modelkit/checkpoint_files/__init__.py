"""Files of weights from elsewhere: what may be in them, and how it is told."""
