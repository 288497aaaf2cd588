"""The tables of `campaigns`, as its models say."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('audiences', '0001_initial'),
        ('consent', '0001_initial'),
        ('contacts', '0001_initial'),
        ('content', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=160)),
                ('state', models.CharField(default='draft', max_length=9)),
                ('scheduled_at', models.DateTimeField(null=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('mailing_id', models.IntegerField(null=True)),
                ('frozen_after', models.UUIDField(null=True)),
                ('frozen_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('list', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contacts.list')),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consent.purpose')),
                ('segment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audiences.segment')),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='content.template')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-created_at'], name='campaign_recent')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled'])), name='campaign_state'), models.CheckConstraint(condition=models.Q(models.Q(('list__isnull', True), ('segment__isnull', False)), models.Q(('list__isnull', False), ('segment__isnull', True)), _connector='OR'), name='campaign_one_audience'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'scheduled'), _negated=True), ('scheduled_at__isnull', False), _connector='OR'), name='campaign_scheduled_has_time'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['running', 'paused', 'finished']), _negated=True), ('mailing_id__isnull', False), _connector='OR'), name='campaign_started_has_mailing')],
            },
        ),
    ]
