"""Models leave: as graphs that other programs run, each held against what PyTorch says before anybody gets it."""
