"""Importing people from a file: upload, say what its columns are, follow the progress, read the report."""
