"""Not written yet."""

from django.http import HttpRequest, HttpResponse


def group(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
