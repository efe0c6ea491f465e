"""Drawing: everything that calls Streamlit outside of app.py and pages/."""
