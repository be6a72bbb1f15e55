"""A class bets together: rooms without persons, and the page that phones see. No torch, no Streamlit."""
