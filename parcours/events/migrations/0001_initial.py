"""The tables of `events`, as its models say."""

from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Cursor',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'consumer', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('consumer', models.TextField()),
                ('xid', models.BigIntegerField()),
                ('event_id', models.BigIntegerField()),
            ],
            options={
                'db_table': 'events_cursor',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'xid', 'id', 'at', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('xid', models.BigIntegerField()),
                ('id', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('received_at', models.DateTimeField()),
                ('contact_id', models.UUIDField()),
                ('name', models.TextField()),
                ('properties', models.JSONField()),
            ],
            options={
                'db_table': 'events_event',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'message_key', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('message_key', models.UUIDField()),
                ('received_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'events_receipt',
                'managed': False,
            },
        ),
    ]
