"""What `rateval init` recognises of data: by its files alone, without the libraries that read it.

A reader says in its Component which function looks (``detect``); it gets the clues,
``clues.data`` a file or a folder and ``clues.masks`` perhaps a folder or a file of annotations, and
returns a Guess, or None where the data is for another reader.
"""
