"""Files come packed, in front of Django, and are asked for again only where they may be others."""

import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import brotli
import pytest
from asgiref.sync import async_to_sync
from django.contrib.staticfiles import finders
from django.core.files.storage import Storage
from pytest_django.fixtures import Settings

from dashboards.views import PLOTLY
from shopsite.assets.finder import version
from shopsite.config import BASE_DIR
from shopsite.events.collect import Message, Receive, Scope, Send
from shopsite.runtime import packed as packed_module
from shopsite.runtime.packed import packed
from shopsite.runtime.static_files import with_static

SCRIPT = "dashboards/tiles/pulse.js"
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "": lambda data: data,
}


@dataclass
class Answer:
    """What came."""

    status: int
    headers: dict[str, str]
    body: bytes


async def django(_scope: Scope, _receive: Receive, send: Send) -> None:
    """What is asked where there is no such file."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"django"})


async def nothing() -> Message:
    raise AssertionError("a file's request has no body")


@pytest.fixture
def get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[..., Answer]:
    """Ask for an address as a browser that takes some encodings."""
    monkeypatch.setenv("SHOP_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(finders, "get_finders", lambda: [OneFile()])
    served = with_static(django)

    def ask(path: str = f"/static/{SCRIPT}", query: str = "", method: str = "GET", **headers: str) -> Answer:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": pairs,
        }
        async_to_sync(served)(scope, nothing, send)
        named = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], named, sent[1]["body"])

    return ask


class OneFile(finders.AppDirectoriesFinder):
    """Has one file packed and not all there are."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """Only that one."""
        return (found for found in super().list(ignore_patterns) if found[0] == SCRIPT)


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("identity", "")]
)
def test_a_script_comes_in_the_smallest_form_that_the_browser_takes(
    get: Callable[..., Answer], accepted: str, encoding: str
) -> None:
    answer = get(accept_encoding=accepted)
    assert answer.headers.get("content-encoding", "") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"  # so that no cache gives it to who cannot read it
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert UNPACK[encoding](answer.body) == Path(str(finders.find(SCRIPT))).read_bytes()


def test_what_a_browser_has_is_not_sent_again(get: Callable[..., Answer]) -> None:
    first = get(accept_encoding="br")
    again = get(accept_encoding="br", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_only_an_address_with_the_present_version_is_kept_for_ever(get: Callable[..., Answer]) -> None:
    assert "immutable" in get(query=f"v={version(SCRIPT)}").headers["cache-control"]
    for other in ("", "v=", "v=0123456789ab"):
        assert get(query=other).headers["cache-control"] == "max-age=60, public"


def test_what_is_no_file_is_asked_of_django_and_a_file_takes_no_post(get: Callable[..., Answer]) -> None:
    for path in ("/", "/static/", "/static/../manage.py", "/static/dashboards", f"/static//{SCRIPT}"):
        assert get(path).body == b"django"
    assert get(method="POST").status == 405
    assert get(method="HEAD").body == b""


def test_plotly_comes_packed_along_with_the_repository() -> None:
    path = Path(str(finders.find(PLOTLY)))
    assert brotli.decompress(path.with_name(f"{path.name}.br").read_bytes()) == path.read_bytes()


def test_a_copy_is_made_once_of_each_version_and_where_it_pays(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.js", tmp_path / "packed"
    file.write_bytes(b"let a = 1;\n" * 500)
    first = packed(file, folder)
    times = {Path(copy).stat().st_mtime_ns for copy in first.values()}
    assert packed(file, folder) == first
    assert {Path(copy).stat().st_mtime_ns for copy in first.values()} == times
    file.write_bytes(b"let b = 2;\n" * 500)
    assert packed(file, folder).keys() == {"br", "gzip"} and packed(file, folder) != first
    (tmp_path / "small.js").write_bytes(b"1")
    assert packed(tmp_path / "small.js", folder) == {}
    file.rename(tmp_path / "a.woff2")
    assert packed(tmp_path / "a.woff2", folder) == {}


def test_a_copy_that_would_be_larger_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_module, "PACKERS", {"br": lambda data: data + b"more"})
    (tmp_path / "a.js").write_bytes(b"1" * 2_000)
    assert packed(tmp_path / "a.js", tmp_path) == {}


def test_the_dashboards_script_knows_how_long_a_change_takes_in_its_styles() -> None:
    styles = BASE_DIR / "shopsite/static/shopsite/tokens.css"
    script = BASE_DIR / "dashboards/static/dashboards/dom.js"
    (told,) = re.findall(r"CALM_MS = (\d+);", script.read_text())
    assert re.findall(r"--calm: (\d+)ms", styles.read_text()) == [told, "0"]  # 0 for those who want no motion
