"""What the demonstration shows: a real web log, and a made-up story that is labelled as such."""
