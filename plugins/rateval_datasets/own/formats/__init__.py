"""Photos with the annotations of any format that datumaro reads."""
