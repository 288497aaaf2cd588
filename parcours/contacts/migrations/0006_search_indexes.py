"""Where a search for people looks. Built while others write; people without a name or an address cost nothing."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


def _index(field, name):
    return models.Index(condition=models.Q((f'{field}__isnull', False)), fields=['workspace_id', field], name=name)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('contacts', '0005_search_keys'),
    ]

    operations = [
        AddIndexConcurrently(model_name='contact', index=_index('name_key', 'contact_by_name')),
        AddIndexConcurrently(model_name='contact', index=_index('surname_key', 'contact_by_surname')),
        AddIndexConcurrently(model_name='contact', index=_index('domain_key', 'contact_by_domain')),
        migrations.RunSQL('ANALYZE contacts_contact', migrations.RunSQL.noop),  # a rewritten table does not call for it by itself
    ]
