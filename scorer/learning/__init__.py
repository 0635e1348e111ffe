"""Training: what numpy and scikit-learn are for. Needs the extra ``[learn]``; nothing that scores or serves imports it."""
