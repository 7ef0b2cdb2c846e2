"""For machines: does the process live, can it work, and the numbers of Prometheus."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from checkpoints.services import health
from checkpoints.services import metrics as numbers


@require_safe
@login_not_required
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer as long as the process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@login_not_required
def readyz(_request: HttpRequest) -> HttpResponse:
    """Say by check what works; 503 when one thing does not."""
    checks = health.readiness(now=timezone.now())
    ready = all(checks.values())
    words = {name: "ok" if good else "failed" for name, good in checks.items()}
    return JsonResponse(
        {"status": "ok" if ready else "failed", "checks": words}, status=200 if ready else 503
    )


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the numbers to whoever has the token; when none is set, to people who may see groups."""
    if not _may_read_metrics(request):
        return HttpResponse("unauthorized\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(numbers.text(), content_type=numbers.CONTENT_TYPE)


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())
    return request.user.has_perm("checkpoints.view_group")
