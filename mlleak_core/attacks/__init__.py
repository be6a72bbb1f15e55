"""One file, one threat. `mlleak_core.contract.discover` finds them by their CARD."""
