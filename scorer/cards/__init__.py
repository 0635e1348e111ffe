"""The scorecard that is shipped."""
