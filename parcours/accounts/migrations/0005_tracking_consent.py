from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_invitations'),
    ]

    operations = [
        migrations.AddField(
            model_name='workspace',
            name='tracking_consent',
            field=models.CharField(blank=True, db_default='', default='', max_length=60),
        ),
    ]
