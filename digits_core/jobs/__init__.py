"""Jobs: one folder each, computed status, a scheduler that starts workers, workers that outlive it."""
