"""The tables of `delivery`, as its models say."""

import django.db.models.deletion
import parcours.kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('consent', '0001_initial'),
        ('content', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Allowance',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'contact_id', 'day', 'place', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('contact_id', models.UUIDField()),
                ('day', models.DateField()),
                ('place', models.SmallIntegerField()),
                ('message_id', models.UUIDField()),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'message_id'], name='allowance_of_message')],
            },
        ),
        migrations.CreateModel(
            name='AnonymousClick',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('mailing_id', models.IntegerField()),
                ('link', models.SmallIntegerField()),
                ('day', models.DateField()),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'mailing_id'], name='anonymous_click_of_mailing')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('message_id', models.UUIDField()),
                ('fence', models.IntegerField()),
                ('connection', models.CharField(max_length=60)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('outcome', models.CharField(blank=True, db_default='', max_length=8)),
                ('code', models.IntegerField(null=True)),
                ('reply', models.CharField(blank=True, db_default='', max_length=500)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome', ''), ('outcome__in', ['accepted', 'refused', 'deferred', 'not_sent', 'in_doubt']), _connector='OR'), name='attempt_outcome'), models.UniqueConstraint(fields=('workspace_id', 'message_id', 'fence'), name='attempt_once_per_claim')],
            },
        ),
        migrations.CreateModel(
            name='Mailing',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('origin', models.CharField(max_length=8)),
                ('origin_id', models.IntegerField()),
                ('origin_version', models.IntegerField(default=0)),
                ('step', models.CharField(blank=True, max_length=60)),
                ('name', models.CharField(max_length=160)),
                ('channel', models.CharField(default='email', max_length=5)),
                ('coupon_id', models.IntegerField(null=True)),
                ('guard', models.JSONField(null=True)),
                ('valid_for', models.DurationField()),
                ('created_at', models.DateTimeField()),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consent.purpose')),
                ('template_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='content.templateversion')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(db_default=parcours.kernel.ids.NewId(), primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('run', models.BigIntegerField(db_default=0)),
                ('contact_id', models.UUIDField()),
                ('event_at', models.DateTimeField(null=True)),
                ('event_id', models.BigIntegerField(null=True)),
                ('state', models.CharField(max_length=9)),
                ('queued_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField(null=True)),
                ('fence', models.IntegerField(db_default=0)),
                ('verdict', models.CharField(blank=True, db_default='', max_length=8)),
                ('reasons', models.JSONField(db_default=[])),
                ('judged_at', models.DateTimeField(null=True)),
                ('address', models.CharField(blank=True, db_default='', max_length=254)),
                ('subject', models.CharField(blank=True, db_default='', max_length=400)),
                ('transport', models.CharField(blank=True, db_default='', max_length=20)),
                ('sent_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('opened_at', models.DateTimeField(null=True)),
                ('clicked_at', models.DateTimeField(null=True)),
                ('bounced_at', models.DateTimeField(null=True)),
                ('complained_at', models.DateTimeField(null=True)),
                ('unsubscribed_at', models.DateTimeField(null=True)),
                ('measured_opens', models.BooleanField(db_default=False)),
                ('measured_clicks', models.BooleanField(db_default=False)),
                ('mailing', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='delivery.mailing')),
            ],
        ),
        migrations.CreateModel(
            name='Sending',
            fields=[
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='accounts.workspace')),
                ('from_name', models.CharField(max_length=120)),
                ('from_email', models.CharField(max_length=254)),
                ('reply_to', models.CharField(blank=True, max_length=254)),
                ('dkim_domain', models.CharField(max_length=253)),
                ('dkim_selector', models.CharField(max_length=63)),
                ('dkim_key', models.BinaryField()),
                ('quiet_from', models.TimeField()),
                ('quiet_until', models.TimeField()),
                ('marketing_per_day', models.IntegerField(default=1)),
                ('click_tracking', models.CharField(default='consented', max_length=9)),
                ('paused_at', models.DateTimeField(null=True)),
                ('pause_reason', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('marketing_per_day__gte', 1)), name='sending_cap'), models.CheckConstraint(condition=models.Q(('click_tracking__in', ['consented', 'everyone'])), name='sending_click_tracking')],
            },
        ),
        migrations.AddConstraint(
            model_name='mailing',
            constraint=models.CheckConstraint(condition=models.Q(('origin__in', ['journey', 'campaign', 'api'])), name='mailing_origin'),
        ),
        migrations.AddConstraint(
            model_name='mailing',
            constraint=models.UniqueConstraint(fields=('workspace', 'origin', 'origin_id', 'origin_version', 'step'), name='mailing_once'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['workspace_id', 'due_at'], name='message_due'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('state', 'sending')), fields=['workspace_id', 'lease_until'], name='message_sending'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('state', 'in_doubt')), fields=['workspace_id', 'queued_at'], name='message_in_doubt'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['workspace_id', 'contact_id', 'queued_at'], name='message_of_contact'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['workspace_id', '-queued_at'], name='message_newest'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('workspace_id', 'mailing', 'run', 'contact_id'), name='message_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'sending', 'sent', 'failed', 'in_doubt', 'withheld', 'cancelled'])), name='message_state'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('verdict', ''), ('verdict__in', ['send', 'delay', 'withhold']), _connector='OR'), name='message_verdict'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', True)), _connector='OR'), name='message_sent_has_time'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'withheld'), _negated=True), ('verdict', 'withhold'), _connector='OR'), name='message_withheld_has_verdict'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['sending', 'sent']), _negated=True), ('verdict', 'send'), _connector='OR'), name='message_never_without_gate'),
        ),
    ]
