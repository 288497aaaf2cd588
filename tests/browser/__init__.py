"""Tests in a real browser: what only a browser can say (policy violations, contrast, scrolling, islands, sign-in)."""
