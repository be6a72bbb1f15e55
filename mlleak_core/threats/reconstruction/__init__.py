"""Reconstruction: a classifier that carries training faces off, and how they are read back."""
