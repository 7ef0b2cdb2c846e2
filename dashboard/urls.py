"""Every address of the product, as a table of contents."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.i18n import set_language

from checkpoints.views import (
    audit,
    endpoints,
    groups,
    health,
    overview,
    planning,
    preferences,
    resets,
    signing_in,
)

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("groups/<int:pk>/", groups.group, name="group"),
    path("groups/<int:pk>/reset/", planning.start, name="group-reset"),
    path("plans/<uuid:pk>/", resets.plan, name="plan"),
    path("resets/", resets.listing, name="resets"),
    path("resets/<uuid:pk>/", resets.detail, name="reset"),
    path("endpoints/", endpoints.listing, name="endpoints"),
    path("endpoints/add/", endpoints.add, name="endpoint-add"),
    path("endpoints/<uuid:pk>/", endpoints.edit, name="endpoint"),
    path("endpoints/<uuid:pk>/test/", endpoints.test, name="endpoint-test"),
    path("endpoints/<uuid:pk>/disable/", endpoints.disable, name="endpoint-disable"),
    path("endpoints/<uuid:pk>/enable/", endpoints.enable, name="endpoint-enable"),
    path("endpoints/<uuid:pk>/remove/", endpoints.remove, name="endpoint-remove"),
    path("audit/", audit.listing, name="audit"),
    path("login/", signing_in.login, name="login"),
    path("logout/", signing_in.logout, name="logout"),
    path("confirm-password/", signing_in.confirm_password, name="confirm-password"),
    path("setup/<str:token>/", signing_in.setup, name="setup"),
    path("zone/", preferences.zone, name="zone"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
