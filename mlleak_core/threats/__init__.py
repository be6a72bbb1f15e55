"""One room a threat. Its `card.py` is all that the rest of the house may know; see `mlleak_core.threat`."""
