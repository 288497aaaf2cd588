"""The tables of `consent`, as its models say."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('contacts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Purpose',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('code', models.SlugField(max_length=60)),
                ('name_fr', models.CharField(max_length=120)),
                ('name_en', models.CharField(max_length=120)),
                ('description_fr', models.CharField(blank=True, db_default='', max_length=400)),
                ('description_en', models.CharField(blank=True, db_default='', max_length=400)),
                ('basis', models.CharField(max_length=20)),
                ('is_marketing', models.BooleanField()),
                ('is_measuring', models.BooleanField(db_default=False)),
                ('audience', models.JSONField(null=True)),
                ('position', models.IntegerField(db_default=0)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Record',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('channel', models.CharField(max_length=5)),
                ('act', models.CharField(max_length=9)),
                ('at', models.DateTimeField()),
                ('source', models.CharField(max_length=120)),
                ('wording', models.TextField(blank=True, db_default='')),
                ('ip', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(blank=True, db_default='', max_length=300)),
                ('detail', models.JSONField(db_default={})),
                ('contact', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consent.purpose')),
            ],
        ),
        migrations.CreateModel(
            name='State',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('channel', models.CharField(max_length=5)),
                ('act', models.CharField(max_length=9)),
                ('since', models.DateTimeField()),
                ('contact', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consent.purpose')),
                ('record', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consent.record')),
            ],
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('channel', models.CharField(max_length=5)),
                ('address_hash', models.BinaryField()),
                ('reason', models.CharField(max_length=9)),
                ('detail', models.CharField(blank=True, db_default='', max_length=400)),
                ('at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.AddConstraint(
            model_name='purpose',
            constraint=models.UniqueConstraint(fields=('workspace', 'code'), name='purpose_once'),
        ),
        migrations.AddConstraint(
            model_name='purpose',
            constraint=models.CheckConstraint(condition=models.Q(('basis__in', ['contract', 'legitimate_interest', 'consent'])), name='purpose_basis'),
        ),
        migrations.AddConstraint(
            model_name='purpose',
            constraint=models.CheckConstraint(condition=models.Q(('basis', 'contract'), ('is_marketing', True), _negated=True), name='purpose_no_marketing_by_contract'),
        ),
        migrations.AddIndex(
            model_name='record',
            index=models.Index(fields=['workspace_id', 'contact', 'at'], name='record_of_contact'),
        ),
        migrations.AddConstraint(
            model_name='record',
            constraint=models.CheckConstraint(condition=models.Q(('act__in', ['granted', 'requested', 'withdrawn', 'objected'])), name='record_act'),
        ),
        migrations.AddConstraint(
            model_name='record',
            constraint=models.CheckConstraint(condition=models.Q(('channel__in', ['email', 'sms', 'any'])), name='record_channel'),
        ),
        migrations.AddConstraint(
            model_name='state',
            constraint=models.UniqueConstraint(fields=('workspace_id', 'contact', 'purpose', 'channel'), name='state_once'),
        ),
        migrations.AddConstraint(
            model_name='state',
            constraint=models.CheckConstraint(condition=models.Q(('act__in', ['granted', 'requested', 'withdrawn', 'objected'])), name='state_act'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(fields=('workspace', 'channel', 'address_hash'), name='suppression_once'),
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['bounce', 'complaint', 'manual', 'import'])), name='suppression_reason'),
        ),
    ]
