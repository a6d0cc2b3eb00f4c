"""Serve CSS, scripts and pictures from the web process. settings.MIDDLEWARE -> here -> WhiteNoise."""

from contextlib import closing

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # has no annotations
    """WhiteNoise with each file as one body.

    Its own answer is a synchronous iterator, which Django's ASGI handler reads whole in a thread,
    and warns of it at every file. Ours are at most 1.5 MB.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """The file, a part of it, or that it has not changed."""
        answer = static_file.get_response(request.method, request.META)
        body = b""
        if answer.file is not None:
            with closing(answer.file) as file:
                body = file.read()
        response = HttpResponse(body, status=int(answer.status))
        del response["Content-Type"]  # the file's own comes with its headers
        for name, value in answer.headers:
            response[name] = value
        return response
