"""The addresses that are called most: event intake, pixel, click, health. Before and beside Django, in the same process.

A `connection` makes requests of bytes, `application` knows which address answers.
Many requests, one transaction, then all the answers (`writer`). Nothing is answered well before it is committed.
Not here: what an event or a token is (`events`), pages (`public.pages`, `web`), which are Django's.
"""
