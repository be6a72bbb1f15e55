"""Where the program itself lies."""

from __future__ import annotations

from pathlib import Path


def app_home() -> Path:
    """Folder of app.py, pages, assets and Streamlit's settings: of a checkout, else of the installation."""
    checkout, installed = Path(__file__).parents[1], Path(__file__).parent / "_app"
    return installed if (installed / "app.py").is_file() else checkout
