"""The tables of `contacts`, as its models say."""

import django.contrib.postgres.fields
import django.db.models.deletion
import parcours.kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.UUIDField(db_default=parcours.kernel.ids.NewId(), default=parcours.kernel.ids.uuid7, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('email', models.CharField(max_length=254, null=True)),
                ('language', models.CharField(blank=True, db_default='', max_length=2)),
                ('time_zone', models.CharField(blank=True, db_default='', max_length=64)),
                ('attributes', models.JSONField(db_default={})),
                ('source', models.CharField(blank=True, db_default='', max_length=60)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', '-created_at'], name='contact_newest')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'id'), name='contact_in_workspace'), models.UniqueConstraint(fields=('workspace_id', 'email'), name='contact_email_once')],
            },
        ),
        migrations.CreateModel(
            name='Import',
            fields=[
                ('id', models.UUIDField(db_default=parcours.kernel.ids.NewId(), default=parcours.kernel.ids.uuid7, primary_key=True, serialize=False)),
                ('file_name', models.CharField(max_length=255)),
                ('content', models.BinaryField()),
                ('state', models.CharField(default='uploaded', max_length=9)),
                ('options', models.JSONField(db_default={})),
                ('total', models.IntegerField(db_default=0)),
                ('position', models.IntegerField(db_default=0)),
                ('created_count', models.IntegerField(db_default=0)),
                ('updated_count', models.IntegerField(db_default=0)),
                ('refused_count', models.IntegerField(db_default=0)),
                ('actor', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('failure', models.TextField(blank=True, db_default='')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='ImportRefusal',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('line', models.IntegerField()),
                ('code', models.CharField(max_length=40)),
                ('value', models.TextField(blank=True, db_default='')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='contacts.import')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='List',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=60)),
                ('name', models.CharField(max_length=120)),
                ('created_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='ListMember',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('added_at', models.DateTimeField()),
                ('contact', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
                ('list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='contacts.list')),
            ],
        ),
        migrations.CreateModel(
            name='Attribute',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('name', models.SlugField(max_length=60)),
                ('label_fr', models.CharField(max_length=120)),
                ('label_en', models.CharField(max_length=120)),
                ('type', models.CharField(max_length=8)),
                ('options', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), default=list, size=None)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'name'), name='attribute_once'), models.CheckConstraint(condition=models.Q(('type__in', ['text', 'number', 'date', 'boolean', 'category', 'list'])), name='attribute_type')],
            },
        ),
        migrations.CreateModel(
            name='Identity',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('kind', models.CharField(max_length=9)),
                ('value', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField()),
                ('contact', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='identities', to='contacts.contact')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'contact'], name='identity_of_contact')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'kind', 'value'), name='identity_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['email', 'phone', 'external', 'anonymous'])), name='identity_kind')],
            },
        ),
        migrations.AddIndex(
            model_name='import',
            index=models.Index(fields=['workspace', '-created_at'], name='import_recent'),
        ),
        migrations.AddConstraint(
            model_name='import',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['uploaded', 'mapped', 'running', 'finished', 'cancelled', 'failed'])), name='import_state'),
        ),
        migrations.AddIndex(
            model_name='importrefusal',
            index=models.Index(fields=['workspace', 'run', 'line'], name='import_refusal_lines'),
        ),
        migrations.AddConstraint(
            model_name='list',
            constraint=models.UniqueConstraint(fields=('workspace', 'slug'), name='list_once'),
        ),
        migrations.AddIndex(
            model_name='listmember',
            index=models.Index(fields=['workspace_id', 'contact'], name='list_member_of_contact'),
        ),
        migrations.AddConstraint(
            model_name='listmember',
            constraint=models.UniqueConstraint(fields=('workspace_id', 'list', 'contact'), name='list_member_once'),
        ),
    ]
