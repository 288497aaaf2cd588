"""A text as it is searched: in small letters, without accents, with plain apostrophes and single spaces, no longer than an index takes.

Names its collation, so that the key is the same on every server. Columns are computed with it: a change needs a function of another name.
"""

from django.db import migrations

SEARCH_KEY = r"""
CREATE FUNCTION kernel_search_key(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN btrim(left(lower(regexp_replace(regexp_replace(
    normalize(translate(left(words, 200) COLLATE pg_c_utf8, '’', ''''), NFKD), '[\u0300-\u036f]+', '', 'g'), '\s+', ' ', 'g')), 200));
"""


class Migration(migrations.Migration):
    """After the roles exist."""

    dependencies = [("kernel", "0003_cache")]
    operations = [migrations.RunSQL(SEARCH_KEY, "DROP FUNCTION kernel_search_key")]
