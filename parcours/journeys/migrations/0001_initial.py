"""The tables of `journeys`, as its models say."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Journey',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=60)),
                ('name_fr', models.CharField(max_length=120)),
                ('name_en', models.CharField(max_length=120)),
                ('description_fr', models.CharField(blank=True, max_length=400)),
                ('description_en', models.CharField(blank=True, max_length=400)),
                ('state', models.CharField(default='draft', max_length=9)),
                ('created_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('journey_id', models.IntegerField()),
                ('version_id', models.IntegerField()),
                ('contact_id', models.UUIDField()),
                ('entry_key', models.CharField(blank=True, db_default='', max_length=120)),
                ('event_at', models.DateTimeField()),
                ('event_id', models.BigIntegerField()),
                ('entered_at', models.DateTimeField()),
                ('node', models.SmallIntegerField()),
                ('due_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['workspace_id', 'version_id', 'due_at'], name='run_due'), models.Index(fields=['workspace_id', 'contact_id'], name='run_of_contact')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'journey_id', 'contact_id', 'entry_key'), name='run_once'), models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', True), ('finished_at__isnull', False)), models.Q(('due_at__isnull', False), ('finished_at__isnull', True)), _connector='OR'), name='run_active_or_finished')],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('run_id', models.BigIntegerField()),
                ('version_id', models.IntegerField()),
                ('node', models.SmallIntegerField()),
                ('outcome', models.CharField(max_length=20)),
                ('at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'run_id'], name='step_of_run'), models.Index(fields=['workspace_id', 'version_id', 'node', 'outcome'], name='step_of_node')],
            },
        ),
        migrations.CreateModel(
            name='Version',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('graph', models.JSONField()),
                ('actor', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField()),
                ('journey', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='journeys.journey')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.AddField(
            model_name='journey',
            name='live',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='journeys.version'),
        ),
        migrations.AddConstraint(
            model_name='version',
            constraint=models.UniqueConstraint(fields=('journey', 'number'), name='version_once'),
        ),
        migrations.AddConstraint(
            model_name='journey',
            constraint=models.UniqueConstraint(fields=('workspace', 'slug'), name='journey_once'),
        ),
        migrations.AddConstraint(
            model_name='journey',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'published', 'paused', 'archived'])), name='journey_state'),
        ),
        migrations.AddConstraint(
            model_name='journey',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'draft'), ('live__isnull', False), _connector='OR'), name='journey_live_version'),
        ),
    ]
