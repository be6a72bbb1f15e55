"""Backdoors in federated learning: one participant replaces the joint model."""
