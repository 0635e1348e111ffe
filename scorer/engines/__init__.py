"""Where a whole history is folded: in processes of this machine, or on Spark. What is done is the same: see ``folding``."""
