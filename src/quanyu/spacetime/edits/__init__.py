"""What is kept of edits: the rows that they left, who made them, the history of a feature."""
