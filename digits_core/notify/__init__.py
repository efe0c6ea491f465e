"""Tells people that a job is done, has failed or is stalled: by webhook and by e-mail, as the settings say."""
