"""What people look at in a notebook: tables, figures, controls. Only here plotly and ipywidgets are known."""
