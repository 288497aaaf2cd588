"""What people are searched by: their name from either end, the domain of their address, the address in the order of its bytes.

Rewrites the table once, under a lock that lets nobody read it meanwhile: see docs/operate/production.md for how long.
"""

import django.db.models.expressions
from django.db import migrations, models

# A name as pages show it (web.templatetags.look.person_name): first and last name, else the name; and with the last name first.
FUNCTIONS = r"""
CREATE FUNCTION contacts_name_key(attributes jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    nullif(kernel_search_key(coalesce(attributes ->> 'first_name', '') || ' ' || coalesce(attributes ->> 'last_name', '')), ''),
    nullif(kernel_search_key(attributes ->> 'name'), ''));

CREATE FUNCTION contacts_surname_key(attributes jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(coalesce(
    nullif(kernel_search_key(coalesce(attributes ->> 'last_name', '') || ' ' || coalesce(attributes ->> 'first_name', '')), ''),
    regexp_replace(kernel_search_key(attributes ->> 'name'), '^(.+) ([^ ]+)$', '\2 \1')), contacts_name_key(attributes));
"""
COLUMNS = """
ALTER TABLE contacts_contact
    ALTER COLUMN email TYPE varchar(254) COLLATE "C",
    ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (contacts_name_key(attributes)) STORED,
    ADD COLUMN surname_key text COLLATE "C" GENERATED ALWAYS AS (contacts_surname_key(attributes)) STORED,
    ADD COLUMN domain_key text COLLATE "C" GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED;
"""
BACK = """
ALTER TABLE contacts_contact DROP COLUMN name_key, DROP COLUMN surname_key, DROP COLUMN domain_key;
ALTER TABLE contacts_contact ALTER COLUMN email TYPE varchar(254) COLLATE "default";
DROP FUNCTION contacts_surname_key;
DROP FUNCTION contacts_name_key;
"""


def _key(expression):
    kept = models.TextField(db_collation='C', null=True)
    return models.GeneratedField(db_persist=True, expression=expression, output_field=kept)


def _of_attributes(function):
    return _key(django.db.models.expressions.Func('attributes', function=function))


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0004_numbers'),
        ('kernel', '0004_search_key'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(FUNCTIONS + COLUMNS, BACK)],
            state_operations=[
                migrations.AlterField('contact', 'email', models.CharField(db_collation='C', max_length=254, null=True)),
                migrations.AddField('contact', 'name_key', _of_attributes('contacts_name_key')),
                migrations.AddField('contact', 'surname_key', _of_attributes('contacts_surname_key')),
                migrations.AddField('contact', 'domain_key', _key(django.db.models.expressions.Func('email', models.Value('@'), models.Value(2), function='split_part'))),
            ],
        ),
    ]
