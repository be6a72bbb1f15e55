"""The commands, a file each: `options` adds its options to a parser, `run` returns the exit code."""
