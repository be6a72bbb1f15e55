"""Unintended features: a net trained for one task lets others be read from its layers."""
