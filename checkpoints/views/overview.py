"""Not written yet."""

from django.http import HttpRequest, HttpResponse


def overview(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
