"""The shell and controls that the pages share; with app.py the only code that knows Streamlit."""
