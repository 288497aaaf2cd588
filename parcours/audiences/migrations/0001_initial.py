"""The tables of `audiences`, as its models say."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.AutoField(primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=60)),
                ('name', models.CharField(max_length=120)),
                ('description', models.CharField(blank=True, db_default='', max_length=400)),
                ('rule', models.JSONField()),
                ('revision', models.IntegerField(db_default=1)),
                ('built_revision', models.IntegerField(db_default=0)),
                ('built_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Recheck',
            fields=[
                ('pk', models.CompositePrimaryKey('segment_id', 'contact_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('contact_id', models.UUIDField()),
                ('due_at', models.DateTimeField()),
                ('segment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='audiences.segment')),
            ],
        ),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('pk', models.CompositePrimaryKey('segment_id', 'contact_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('contact_id', models.UUIDField()),
                ('since', models.DateTimeField()),
                ('segment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='audiences.segment')),
            ],
        ),
        migrations.AddConstraint(
            model_name='segment',
            constraint=models.UniqueConstraint(fields=('workspace', 'slug'), name='segment_once'),
        ),
        migrations.AddIndex(
            model_name='recheck',
            index=models.Index(fields=['workspace_id', 'due_at'], name='recheck_due'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(fields=['workspace_id', 'contact_id'], name='segment_of_contact'),
        ),
    ]
