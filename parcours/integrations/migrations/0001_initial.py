"""Endpoints and what is delivered to each, visible to their workspace only."""

import django.contrib.postgres.fields
import django.db.models.deletion
import parcours.events.cursor
import parcours.kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    """New tables: old workers do not know them, and need not."""

    initial = True

    dependencies = [
        ('accounts', '0005_tracking_consent'),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=2000)),
                ('description', models.CharField(blank=True, db_default='', max_length=200)),
                ('takes_all', models.BooleanField()),
                ('names', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), default=list, size=None)),
                ('secret', models.BinaryField()),
                ('former_secret', models.BinaryField(null=True)),
                ('former_until', models.DateTimeField(null=True)),
                ('state', models.CharField(db_default='active', max_length=7)),
                ('pause_reason', models.CharField(blank=True, db_default='', max_length=7)),
                ('since', models.TextField(db_default=parcours.events.cursor.Snapshot())),
                ('created_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('failing_since', models.DateTimeField(null=True)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(db_default=parcours.kernel.ids.NewId(), primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('event_xid', models.BigIntegerField(null=True)),
                ('event_id', models.BigIntegerField(null=True)),
                ('event_at', models.DateTimeField()),
                ('name', models.TextField()),
                ('state', models.CharField(max_length=9)),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField(null=True)),
                ('fence', models.IntegerField(db_default=0)),
                ('tries', models.SmallIntegerField(db_default=0)),
                ('tried_at', models.DateTimeField(null=True)),
                ('code', models.SmallIntegerField(null=True)),
                ('trouble', models.CharField(blank=True, db_default='', max_length=13)),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrations.endpoint')),
            ],
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(fields=['workspace', '-id'], name='endpoint_newest'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['active', 'paused', 'removed'])), name='endpoint_state'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'paused'), ('pause_reason__in', ['by_hand', 'gone', 'failing'])), models.Q(models.Q(('state', 'paused'), _negated=True), ('pause_reason', '')), _connector='OR'), name='endpoint_pause_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('former_secret', None), ('former_until', None)), models.Q(('former_secret__isnull', False), ('former_until__isnull', False)), _connector='OR'), name='endpoint_former_secret_ends'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('names', []), ('takes_all', True)), models.Q(('takes_all', False), models.Q(('names', []), _negated=True)), _connector='OR'), name='endpoint_wants_something'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['workspace_id', 'endpoint', 'due_at'], name='webhook_due'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'sending')), fields=['workspace_id', 'endpoint', 'lease_until'], name='webhook_sending'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['workspace_id', 'endpoint', '-created_at', '-id'], name='webhook_newest'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['workspace_id', 'endpoint'], name='webhook_failed'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['workspace_id', 'created_at'], name='webhook_age'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('endpoint', 'event_id'), name='webhook_once'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'sending', 'delivered', 'failed'])), name='webhook_state'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state', 'sending')), models.Q(models.Q(('state', 'sending'), _negated=True), ('lease_until', None)), _connector='OR'), name='webhook_sending_has_lease'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'delivered'), _negated=True), models.Q(('code__gte', 200), ('code__isnull', False), ('code__lt', 300)), _connector='OR'), name='webhook_delivered_was_taken'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('trouble', ''), ('trouble__in', ['refused', 'unknown_host', 'no_connection', 'tls', 'timeout', 'bad_answer', 'event_gone', 'unreadable']), _connector='OR'), name='webhook_trouble'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('event_id', None), ('event_xid', None)), models.Q(('event_id__isnull', False), ('event_xid__isnull', False)), _connector='OR'), name='webhook_names_its_event'),
        ),
        migrations.RunSQL("SELECT kernel_protect('integrations_endpoint'), kernel_protect('integrations_delivery')", migrations.RunSQL.noop),
    ]
