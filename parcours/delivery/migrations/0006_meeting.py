"""Confirmations and requests, which were made side by side."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing to do: both come before whatever follows."""

    dependencies = [("delivery", "0005_confirmations"), ("delivery", "0005_requests")]
    operations = []
