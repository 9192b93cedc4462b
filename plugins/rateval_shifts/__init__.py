"""Shifts of the test images' distribution, made on the fly for any dataset."""
