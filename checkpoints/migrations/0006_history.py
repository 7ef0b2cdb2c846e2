import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("checkpoints", "0005_collector")]

    operations = [
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="GroupHistory",
            fields=[
                (
                    "group",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="history",
                        serialize=False,
                        to="checkpoints.consumergroup",
                    ),
                ),
                ("begins_at", models.DateTimeField()),
                ("raw_until", models.DateTimeField()),
                ("five_until", models.DateTimeField()),
                ("hourly_until", models.DateTimeField()),
                ("recent", models.BinaryField(default=bytes)),
                ("recent_at", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["raw_until"], name="raw_due"),
                    models.Index(fields=["five_until"], name="five_due"),
                    models.Index(fields=["hourly_until"], name="hourly_due"),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoryChunk",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "level",
                    models.PositiveSmallIntegerField(choices=[(0, "Raw"), (1, "Five"), (2, "Hourly")]),
                ),
                ("starts_at", models.DateTimeField()),
                ("samples", models.PositiveIntegerField()),
                ("marks", models.JSONField(default=list)),
                ("totals", models.BinaryField()),
                ("shards", models.BinaryField()),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="checkpoints.consumergroup",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["level", "starts_at"], name="oldest_chunks")],
                "constraints": [
                    models.UniqueConstraint(fields=("group", "level", "starts_at"), name="one_chunk")
                ],
            },
        ),
    ]
