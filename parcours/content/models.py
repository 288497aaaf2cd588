"""Tables of templates, their immutable versions, and coupons with the code of each person."""

from django.db import models

from parcours.accounts.models import Workspace


class Template(models.Model):
    """A named message that people edit. What is sent is always a `TemplateVersion`."""

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="template_once")]


class TemplateVersion(models.Model):
    """One saved state of a template: never changed. `bodies` maps a language to {subject, preheader, mjml, text}."""

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    template = models.ForeignKey(Template, models.CASCADE, related_name="versions")
    number = models.IntegerField()
    bodies = models.JSONField()
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_once")]

    @property
    def sources(self) -> list[str]:
        """All of its texts, in every language."""
        return [source for body in self.bodies.values() for source in body.values()]


class Coupon(models.Model):
    """A reduction that a message can offer, with a code of its own for each person."""

    id = models.AutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    percent = models.IntegerField()
    prefix = models.CharField(max_length=12, blank=True)
    valid_days = models.IntegerField(default=30)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="coupon_once"),
            models.CheckConstraint(
                condition=models.Q(percent__gte=1, percent__lte=100), name="coupon_percent"
            ),
        ]


class CouponCode(models.Model):
    """The code that one person received last: when it has expired, the next message that offers the coupon brings another."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    coupon = models.ForeignKey(Coupon, models.CASCADE, related_name="codes")
    contact_id = models.UUIDField()
    code = models.CharField(max_length=40)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "code"], name="coupon_code_once"),
            models.UniqueConstraint(
                fields=["workspace", "coupon", "contact_id"], name="coupon_code_per_contact"
            ),
        ]
