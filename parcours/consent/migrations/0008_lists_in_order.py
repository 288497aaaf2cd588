"""The ledger of one purpose in the order in which its page reads it. Built while others write."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('consent', '0007_whose_suppression'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='record',
            index=models.Index(fields=['workspace_id', 'purpose', '-at', '-id'], name='record_newest'),
        ),
    ]
