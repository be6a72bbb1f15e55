"""What machine-learning models learn beyond their task: data, nets, attacks, controls, measures."""

import os

__version__ = "0.1.0"

# torch's CPU kernels are kept by shape, a thousand by default, and every run has new shapes: a server that
# lives long would hold
# half a gigabyte of them. Read by torch when it is loaded, so before any import of it.
for _cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_cache, "128")
