"""What a browser fetches comes packed, and a page names all its modules at once."""

import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from django.contrib.staticfiles import finders
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.template.exceptions import TemplateSyntaxError
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from dashboards.templatetags.modules import imports, modulepreload
from shopsite.runtime import packed as packed_module
from shopsite.runtime.packed import packed
from shopsite.runtime.static_files import StaticFilesMiddleware

ENTRY, SCRIPT = "dashboards/live.js", "dashboards/tiles/pulse.js"
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "": lambda data: data,
}


@pytest.fixture
def get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[..., HttpResponse]:
    """Ask the middleware for a file as a browser that takes some encodings."""
    monkeypatch.setenv("SHOP_CACHE_DIR", str(tmp_path))
    settings.WHITENOISE_USE_FINDERS = False  # it would pack all files there are

    def middle(_request: WSGIRequest) -> HttpResponse:
        return HttpResponse(status=404)

    served = StaticFilesMiddleware(middle)
    served.add_file_to_dictionary(f"/static/{SCRIPT}", finders.find(SCRIPT))

    def ask(**headers: str) -> HttpResponse:
        return served(RequestFactory().get(f"/static/{SCRIPT}", headers=headers))  # type: ignore[no-any-return]

    return ask


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("identity", "")]
)
def test_a_script_comes_in_the_smallest_form_that_the_browser_takes(
    get: Callable[..., HttpResponse], accepted: str, encoding: str
) -> None:
    response = get(accept_encoding=accepted)
    assert response.get("Content-Encoding", "") == encoding
    assert response["Vary"] == "Accept-Encoding"  # so that no cache gives it to a browser that cannot read it
    assert response["Content-Type"].startswith("text/javascript")
    assert UNPACK[encoding](response.content) == Path(str(finders.find(SCRIPT))).read_bytes()


def test_what_a_browser_has_is_not_sent_again(get: Callable[..., HttpResponse]) -> None:
    first = get(accept_encoding="br")
    again = get(accept_encoding="br", if_none_match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")


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


def test_every_module_that_a_page_imports_is_named_in_its_head() -> None:
    found = imports(ENTRY)
    folder = Path(str(finders.find(ENTRY))).parent
    tiles = {f"dashboards/tiles/{path.name}" for path in (folder / "tiles").glob("*.js")}
    assert tiles <= set(found)
    assert "dashboards/dom.js" in found  # by others only
    assert len(found) == len(set(found)) and ENTRY not in found
    assert '<link rel="modulepreload" href="/static/dashboards/tiles/pulse.js">' in modulepreload(ENTRY)


def test_an_import_of_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./gone.js";\n')
    monkeypatch.setattr(finders, "find", lambda name: str(tmp_path / "a.js") if name == "x/a.js" else None)
    with pytest.raises(TemplateSyntaxError, match="gone"):
        imports("x/a.js")
