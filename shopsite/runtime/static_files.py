"""Serve CSS, scripts and pictures from the web process. asgi.py -> here -> WhiteNoise.

In front of Django: a file costs a tenth of what its middlewares do, and a page needs some at once.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from os import stat_result
from pathlib import Path
from wsgiref.headers import Headers

from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from shopsite.assets.finder import version
from shopsite.events.collect import Application, Receive, Scope, Send
from shopsite.runtime.artifacts import cache_dir
from shopsite.runtime.packed import packed

ASKED = {b"accept-encoding", b"if-modified-since", b"if-none-match", b"range"}  # what WhiteNoise reads


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # has no annotations
    """The files, as Django's settings say where they are; WhiteNoise answers for each."""

    def get_static_file(
        self,
        path: str,
        url: str,
        stat_cache: Mapping[str, stat_result] | None = None,  # noqa: ARG002  knows nothing of the copies
    ) -> StaticFile:
        """The file with its packed copies. Raises MissingFileError."""
        copies = packed(Path(path), cache_dir("packed")) if Path(path).is_file() else {}
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        headers["Access-Control-Allow-Origin"] = "*"  # other shops' pages load collect's script
        headers["X-Content-Type-Options"] = "nosniff"
        return StaticFile(path, headers.items(), encodings=copies)

    def named(self, path: str) -> StaticFile | None:
        """The file at this path of an address."""
        if not path.startswith(self.static_prefix):
            return None
        return self.find_file(path) if self.autorefresh else self.files.get(path)

    def keeps(self, path: str, query: str) -> bool:
        """Whether what is at this address can never be another: it bears the file's present version."""
        return query == f"v={version(path.removeprefix(self.static_prefix))}"


def with_static(application: Callable[..., Awaitable[None]]) -> Application:
    """The application, with static files answered before it."""
    files = StaticFiles()
    forever = f"max-age={files.FOREVER}, public, immutable".encode()

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        file = files.named(scope["path"]) if scope["type"] == "http" else None
        if file is None:
            await application(scope, receive, send)
            return
        asked = {
            f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
            for name, value in scope["headers"]
            if name in ASKED
        }
        answer = file.get_response(scope["method"], asked)
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
        ]
        query = scope["query_string"].decode("latin-1")
        if query and files.keeps(scope["path"], query):
            headers = [(name, forever if name == b"cache-control" else value) for name, value in headers]
        body = b""
        if answer.file is not None:
            with closing(answer.file) as opened:
                body = opened.read()  # at most 1.2 MB: a thread's turn would cost more
        await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return routed
