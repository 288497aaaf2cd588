"""The development kit behind `./dev`: environment, embedded PostgreSQL, supervision, mail sink.

Everything here runs on the standard library alone, because it runs before anything is installed. It knows the product
only by its commands and environment variables and imports nothing of it; nothing of the product imports this package.
"""
