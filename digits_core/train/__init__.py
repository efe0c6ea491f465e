"""Training: the loop, its options, learning-rate policies, augmentation, checkpoints."""
