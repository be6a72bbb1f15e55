"""Property inference in collaborative learning: what one participant learns about the others' data."""
