"""Patterns of the consumer groups that the service itself makes; an administrator edits them."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PATTERNS = {
    # The documents say that a data transformation job depends on a group of its source Logstore, and show
    # jobs named like etl-123456; how the group is named they do not say.
    "etl-*": "Data transformation jobs. A guess from the names of jobs: edit it to what your groups are called.",
}


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
    """Add the patterns that are not there yet, without a protection."""
    rule_model = apps.get_model("checkpoints", "GroupRule")
    for pattern, note in PATTERNS.items():
        rule_model.objects.get_or_create(
            endpoint=None, pattern=pattern, defaults={"service_owned": True, "note": note}
        )


class Migration(migrations.Migration):
    dependencies = [("checkpoints", "0003_trusted_resets")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
