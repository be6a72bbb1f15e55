"""Words explained in a line where they first stand on a page: on hover, by tap, by keyboard; the rest of
the list at its foot.
"""

from __future__ import annotations

import html
import re

import streamlit as st
from mlleak_core.glossary import Term, pattern, term_of, terms
from mlleak_core.language import say

SLOT = "explained"
"""In the session: which terms this run of the page has explained so far."""
TAGS = re.compile(r"(<a\b.*?</a>|<[^>]+>)", re.DOTALL)


def begin() -> None:
    """A page begins: nothing is explained yet."""
    st.session_state[SLOT] = set()


def explained(body: str) -> str:
    """HTML in which every term that the page has not explained yet is; words in links are left alone."""
    parts = TAGS.split(body)
    return "".join(p if i % 2 else pattern().sub(_first, p) for i, p in enumerate(parts))


def _first(found: re.Match[str]) -> str:
    term, done = term_of(found[0]), st.session_state.setdefault(SLOT, set())
    if term.name in done:
        return found[0]
    done.add(term.name)
    return _marked(found[0], term)


def _marked(spelling: str, term: Term) -> str:
    key = f"word-{terms().index(term)}"
    says = f"{html.escape(term.name)}: {html.escape(term.says)}"
    return (
        f'<span class="term"><button type="button" aria-describedby="{key}">{spelling}</button>'
        f'<span role="tooltip" id="{key}">{says}</span></span>'
    )


def foot() -> None:
    """What the list has beside: words of tables, charts and labels, and of other pages."""
    done = st.session_state.setdefault(SLOT, set())
    left = [term for term in terms() if term.name not in done]
    done.update(term.name for term in left)
    with st.expander(say("Words"), icon=":material/menu_book:"):
        rows = (f"<dt>{html.escape(t.name)}</dt><dd>{html.escape(t.says)}</dd>" for t in left)
        st.html(f'<dl class="words">{"".join(rows)}</dl>')
