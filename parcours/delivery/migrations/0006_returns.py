"""Mails that came back, each once, visible to their workspace only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A new table: old workers do not know it, and need not."""

    dependencies = [
        ('delivery', '0005_confirmations'),
        ('delivery', '0005_requests'),
    ]

    operations = [
        migrations.CreateModel(
            name='Return',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('message_id', models.UUIDField()),
                ('mail', models.BinaryField()),
                ('kind', models.CharField(max_length=12)),
                ('meaning', models.CharField(max_length=20)),
                ('reply', models.CharField(blank=True, db_default='', max_length=300)),
                ('at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'message_id'], name='return_of_message')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['bounced', 'deferred', 'delivered', 'complained', 'unsubscribed', 'answered', 'ignored'])), name='return_kind'), models.CheckConstraint(condition=models.Q(('meaning__in', ['accepted', 'no_such_address', 'address_disabled', 'content', 'configuration', 'policy', 'soft', 'unknown'])), name='return_meaning'), models.UniqueConstraint(fields=('workspace_id', 'mail'), name='return_once')],
            },
        ),
        migrations.RunSQL("SELECT kernel_protect('delivery_return')", migrations.RunSQL.noop),
    ]
