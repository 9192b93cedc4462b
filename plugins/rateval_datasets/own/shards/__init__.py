"""Photos in shards: tar archives as the library webdataset writes them, read at random."""
