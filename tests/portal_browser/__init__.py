"""A package, so that its nodes end with it."""
