"""Charts that many visitors look at: equal numbers are drawn once and are cheap to send.

An Altair chart costs 15 ms to check and to pack; thirty visitors of one training ask for two of them once a
second.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pyarrow as pa

ROWS = alt.NamedData("rows")
"""What a chart is made of before it has its numbers."""


def epoch_axis(epochs: int) -> alt.X:
    """The horizontal axis of a whole run, from its first epoch on."""
    scale = alt.Scale(domain=[1, max(epochs, 2)], nice=False)
    return alt.X("epoch:Q", title=None, scale=scale, axis=alt.Axis(tickMinStep=1, format="d", grid=False))


def legend(**options: Any) -> alt.Legend:
    """A legend of strokes above the chart, close to its title."""
    return alt.Legend(orient="top", offset=8, padding=0, titlePadding=0, symbolType="stroke", **options)


def packed(chart: alt.Chart | alt.LayerChart, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A chart of ROWS with its rows, as `st.vega_lite_chart` takes it; for a function
    under `st.cache_data`.
    """
    table = pa.Table.from_pylist(rows)
    with pa.BufferOutputStream() as sink:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return {**chart.to_dict(), "datasets": {ROWS.name: sink.getvalue().to_pybytes()}}
