"""From a model folder and a picture to a prediction: one resident process that page, REST, CLI and batches ask."""
