"""How good a model is: metrics from predictions and truth, with numpy only."""
