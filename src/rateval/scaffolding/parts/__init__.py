"""What a new plugin's modules are made of: for each kind a component that works in one file.

A file is written as it is for a component in one file; a distribution has its params elsewhere.
Names that begin with ``Mine`` and ``mine-`` get the plugin's own.
"""
