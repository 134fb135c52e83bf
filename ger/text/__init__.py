"""Text: normalization, alignment, marked changes, written forms."""
