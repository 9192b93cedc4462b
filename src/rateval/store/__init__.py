"""Bytes on disk by identity."""
