"""Roles with their permissions, and the regions one can choose from."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LOOKING = ["view_group", "view_endpoint", "view_reset"]
ROLES = {
    "viewer": LOOKING,
    "peeker": [*LOOKING, "peek_logs"],
    "operator": [*LOOKING, "peek_logs", "reset_checkpoint", "override_active"],
    "approver": [*LOOKING, "approve_reset"],
    "admin": [*LOOKING, "manage_endpoints"],
    "auditor": [*LOOKING, "view_audit"],
}


def seed_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make one auth group per role; permissions are otherwise made only after the last migration."""
    config = apps.get_app_config("checkpoints")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    for role, codenames in ROLES.items():
        group, _ = group_model.objects.get_or_create(name=role)
        found = permission_model.objects.filter(content_type__app_label="checkpoints", codename__in=codenames)
        group.permissions.set(found)


def seed_regions(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Load the shipped list; a later edit by an administrator stays."""
    from checkpoints.services import regions

    regions.seed(apps.get_model("checkpoints", "Region"))


class Migration(migrations.Migration):
    dependencies = [
        ("checkpoints", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunPython(seed_roles, migrations.RunPython.noop),
        migrations.RunPython(seed_regions, migrations.RunPython.noop),
    ]
