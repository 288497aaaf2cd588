"""Invitations that wait for their people, and passwords that somebody else has seen."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_erase_demo'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='invitation',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='has_first_password',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
