"""ger connects speech recognizers to language models through N-best lists of text."""

__version__ = "0.1.0.dev0"
