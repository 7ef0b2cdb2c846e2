"""Not written yet."""
from django.http import HttpRequest, HttpResponse


def start(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def plan(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def listing(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def detail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
