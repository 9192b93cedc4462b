"""One data set of photos whose truth is known, written in the forms that tools export."""
