"""Models that travel: our own archive, written and read with distrust."""
