"""Data sets, each turned into the one manifest form."""
