"""The tables of `insights`, as its models say."""

from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Daily',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'day', 'name', blank=True, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.IntegerField()),
                ('day', models.DateField()),
                ('name', models.TextField()),
                ('count', models.BigIntegerField()),
                ('amount', models.DecimalField(decimal_places=2, max_digits=16)),
            ],
        ),
    ]
