"""The addresses that are called most: event intake, pixel, click, health. Raw RSGI, before and beside Django, in the same process.

Many requests, one transaction, then all the answers (`writer`). Nothing is answered well before it is committed.
Not here: what an event or a token is (`events`), pages (`public.pages`, `web`), which are Django's.
"""
