"""An extension of DIGITS: contours as a dataset, areas as a view."""
