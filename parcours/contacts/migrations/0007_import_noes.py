"""Where an import looks for the rows further up that opt an address out. Built while others write; seldom anything is in it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('contacts', '0006_search_indexes'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='importrefusal',
            index=models.Index(
                condition=models.Q(('code', 'duplicate_opted_out')), fields=['run', 'value'], name='import_refusal_noes'
            ),
        ),
    ]
