"""Finding entries: words in two languages, filters, facets, what was meant, what is alike."""
