"""A toy threat: a loaded coin gives away who tossed it."""
