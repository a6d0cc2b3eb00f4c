"""Serve CSS, scripts and pictures from the web process. settings.MIDDLEWARE -> here -> WhiteNoise."""

from collections.abc import Mapping
from contextlib import closing
from os import stat_result
from pathlib import Path
from wsgiref.headers import Headers

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from shopsite.runtime.artifacts import cache_dir
from shopsite.runtime.packed import packed


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # has no annotations
    """WhiteNoise with each file as one body.

    Its own answer is a synchronous iterator, which Django's ASGI handler reads whole in a thread,
    and warns of it at every file. Ours are at most 1.5 MB.
    """

    def get_static_file(
        self, path: str, url: str, stat_cache: Mapping[str, stat_result] | None = None
    ) -> StaticFile:
        """The file with its packed copies. Raises MissingFileError."""
        copies = packed(Path(path), cache_dir("packed")) if Path(path).is_file() else {}
        if not copies:
            return super().get_static_file(path, url, stat_cache)
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        headers["Access-Control-Allow-Origin"] = "*"  # other shops' pages load collect's script
        return StaticFile(path, headers.items(), encodings=copies)

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
