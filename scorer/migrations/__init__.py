"""The database's history, one file a change, each made so that the program before it still runs."""
