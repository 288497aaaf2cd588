"""Tests of templates: messages to members, made out for a contact, of whom they say nothing."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

UNTOUCHED = (
    *("delivered", "opened", "clicked", "machine_opened", "machine_clicked"),
    *("bounced", "complained", "unsubscribed"),
)


class Migration(migrations.Migration):
    """A table of its own, visible to its workspace only; a wider constraint, a column with a default: old and new processes may meet."""

    dependencies = [
        ("delivery", "0010_request_content"),
        ("accounts", "0006_member_address"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Trial",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("language", models.CharField(blank=True, max_length=2)),
                ("place", models.CharField(max_length=80)),
                ("asked_by", models.CharField(max_length=60)),
                ("message_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.workspace",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["workspace", "asked_by", "-created_at"], name="trial_of_asker"),
                ],
            },
        ),
        migrations.RunSQL("SELECT kernel_protect('delivery_trial');", migrations.RunSQL.noop),
        migrations.AddField("message", "is_test", models.BooleanField(db_default=False)),
        migrations.AddConstraint(
            "message",
            models.CheckConstraint(
                condition=models.Q(is_test=False)
                | models.Q(
                    measured_opens=False,
                    measured_clicks=False,
                    **{f"{what}_at__isnull": True for what in UNTOUCHED},
                ),
                name="message_test_is_nobodys",
            ),
        ),
        migrations.RemoveConstraint("mailing", "mailing_origin"),
        migrations.AddConstraint(
            "mailing",
            models.CheckConstraint(
                condition=models.Q(("origin__in", ["journey", "campaign", "api", "confirm", "test"])),
                name="mailing_origin",
            ),
        ),
    ]
