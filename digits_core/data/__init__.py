"""What a dataset is: where pictures come from, how they become records, and how records are read."""
