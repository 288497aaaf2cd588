"""What is due in the order in which it is claimed, built while others write; and one more reason why a try had no answer."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Every event of a span is due at the same instant: without the id each claim would sort all of them."""

    atomic = False

    dependencies = [
        ('integrations', '0001_initial'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['workspace_id', 'endpoint', 'due_at', 'id'], name='webhook_due_in_order'),
        ),
        RemoveIndexConcurrently(
            model_name='delivery',
            name='webhook_due',
        ),
        migrations.RemoveConstraint(
            model_name='delivery',
            name='webhook_trouble',
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('trouble', ''), ('trouble__in', ['refused', 'unknown_host', 'no_connection', 'tls', 'timeout', 'bad_answer', 'event_gone', 'unreadable', 'fault']), _connector='OR'), name='webhook_trouble'),
        ),
    ]
