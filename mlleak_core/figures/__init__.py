"""Arrays to finished pictures, by kind of picture. Plotly only, no torch."""
