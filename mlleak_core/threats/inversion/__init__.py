"""Gradient inversion: the photos behind one participant's update."""
