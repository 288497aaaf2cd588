"""The table of products, visible to its workspace only."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0005_tracking_consent'),  # after its row security, too
    ]

    operations = [
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('product_id', models.CharField(db_collation='C', max_length=200)),
                ('name', models.CharField(blank=True, max_length=300)),
                ('url', models.CharField(blank=True, max_length=2000)),
                ('image_url', models.CharField(blank=True, max_length=2000)),
                ('price', models.DecimalField(decimal_places=4, max_digits=14, null=True)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('category', models.CharField(blank=True, max_length=300)),
                ('brand', models.CharField(blank=True, max_length=200)),
                ('in_stock', models.BooleanField(null=True)),
                ('attributes', models.JSONField(default=dict)),
                ('origin', models.CharField(max_length=4)),
                ('seen_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('id_key', models.GeneratedField(db_persist=True, expression=django.db.models.functions.text.Lower('product_id'), output_field=models.TextField(db_collation='C'))),
                ('name_key', models.GeneratedField(db_persist=True, expression=django.db.models.functions.text.Lower('name'), output_field=models.TextField(db_collation='C'))),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'id_key'], name='product_by_id'), models.Index(fields=['workspace', 'name_key'], name='product_by_name'), models.Index(condition=models.Q(('origin', 'seen')), fields=['workspace', 'product_id'], name='product_seen')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'product_id'), name='product_once'), models.CheckConstraint(condition=models.Q(('product_id', ''), _negated=True), name='product_has_id'), models.CheckConstraint(condition=models.Q(('origin__in', ['seen', 'api', 'hand'])), name='product_origin'), models.CheckConstraint(condition=models.Q(models.Q(('origin', 'seen'), ('seen_at__isnull', False)), models.Q(models.Q(('origin', 'seen'), _negated=True), ('seen_at', None), models.Q(('name', ''), _negated=True)), _connector='OR'), name='product_stated_or_seen'), models.CheckConstraint(condition=models.Q(models.Q(('currency', ''), ('price', None)), models.Q(('currency__regex', '^[A-Z]{3}$'), ('price__gte', 0), ('price__isnull', False)), _connector='OR'), name='product_price'), models.CheckConstraint(condition=models.Q(('url', ''), ('url__regex', '^https?://[^[:space:]]+$'), _connector='OR'), name='product_url'), models.CheckConstraint(condition=models.Q(('image_url', ''), ('image_url__regex', '^https?://[^[:space:]]+$'), _connector='OR'), name='product_image_url'), models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(django.db.models.functions.comparison.Cast('attributes', models.TextField())), 100000), name='product_attributes')],
            },
        ),
        migrations.RunSQL("SELECT kernel_protect('catalogue_product');"),
    ]
