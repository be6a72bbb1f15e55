"""The slow proofs: `python -m benchmarks` (or `make bench`)."""
