"""The collector of a whole fleet: leases per Logstore, a breaker per endpoint, calls per hour."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("checkpoints", "0004_service_owned_patterns")]

    operations = [
        migrations.CreateModel(
            name="HourlyCalls",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("calls", models.PositiveBigIntegerField(default=0)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hourly_calls",
                        to="checkpoints.endpoint",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="hourlycalls",
            constraint=models.UniqueConstraint(fields=("endpoint", "hour"), name="one_count_per_hour"),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="calls_per_second",
            field=models.PositiveIntegerField(null=True, verbose_name="Calls per second"),
        ),
        migrations.AddField(
            model_name="endpoint", name="failures", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="endpoint",
            name="interval_seconds",
            field=models.PositiveIntegerField(null=True, verbose_name="Seconds between readings"),
        ),
        migrations.AddField(
            model_name="endpoint", name="next_discovery_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(model_name="endpoint", name="opened_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="endpoint", name="retry_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="logstore", name="moved_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="logstore", name="next_read_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(model_name="logstore", name="read_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="logstore", name="read_every", field=models.PositiveIntegerField(null=True)
        ),
        migrations.AddField(model_name="logstore", name="watched_at", field=models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name="logstore", index=models.Index(fields=["next_read_at"], name="logstores_due")
        ),
    ]
