"""Messages of the rarer states in the order in which their page reads them. Built while others write."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('delivery', '0008_set_aside'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='message',
            index=models.Index(condition=models.Q(('state__in', ['withheld', 'failed', 'cancelled'])), fields=['workspace_id', 'state', '-queued_at', '-id'], name='message_rare_newest'),
        ),
    ]
