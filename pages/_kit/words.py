"""What people wrote themselves, label names above all, where a page's words are Markdown."""

from __future__ import annotations

import re

from mlleak_core.language import again, mark

UNKNOWN = mark("The address asks for {name}={asked}; here are {known}. Shown: {usual}.")
JOINED = "\u2060"
"""A word joiner: unseen, and enough to keep what it stands in from being taken for a sign."""
MARKS = re.compile(r"([\\`*_\[\]~$<&])")
FIRST = re.compile(r"^(\d*)([#+\-=>|.)])")
SIGNS = re.compile(r"(:|@|\bwww)(?=\S)|(?<!\S)([<>~=-])(?=[=>-]+(?!\S))")


def plain(text: str) -> str:
    """Text that Streamlit's Markdown shows as it stands: no emphasis, formulas, links, colours, symbols; in
    the language of who looks, where it was said in another.
    """
    text = again(text)
    line = SIGNS.sub(lambda found: found[0] + JOINED, " ".join(text.split()))
    return FIRST.sub(r"\1\\\2", MARKS.sub(r"\\\1", line))
