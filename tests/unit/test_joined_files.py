"""A page's modules and sheets come as one file that does the same."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context, Template

from shopsite.assets.scripts import CannotJoin, join_modules
from shopsite.assets.styles import join_sheets

MODULES = {
    "page/live.js": 'import { add, total as sum } from "../add.js";\n'
    'import { log } from "./log.js";\nadd(1);\nlog(sum());\n',
    "page/log.js": 'import { add } from "../add.js";\nexport function log(n) { add(n); }\n',
    "add.js": "let n = 0;\nexport const add = (m) => { n += m; };\nexport const total = () => n;\n",
}


def test_each_module_runs_once_after_those_that_it_imports() -> None:
    joined = join_modules("page/live.js", MODULES.__getitem__)
    assert re.findall(r"^// (.*)$", joined, re.MULTILINE) == ["add.js", "page/log.js", "page/live.js"]
    assert "const { add, total: sum } = m0;\nconst { log } = m1;\n" in joined
    assert "return { add, total };" in joined
    assert not re.search(r"^(import|export)", joined, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('import { gone } from "./add.js";\n', "gone"),
        ('import * as all from "./add.js";\n', "import"),
        ("export default 1;\n", "export"),
        ("export { n };\n", "export"),
        ('const later = import("./add.js");\n', "import"),
        ('import { a } from "./a.js";\n', "imported by what it imports"),
    ],
)
def test_what_is_not_understood_is_not_joined(text: str, why: str) -> None:
    with pytest.raises(CannotJoin, match=why):
        join_modules("a.js", {**MODULES, "a.js": text}.__getitem__)


def test_sheets_come_in_order_and_find_their_fonts() -> None:
    sheets = {
        "page/live.css": '@import "../base/a.css";\nb {}\n',
        "base/a.css": 'a { src: url("fonts/f.woff2"); }\n',
    }
    joined = join_sheets("page/live.css", sheets.__getitem__, "/static/{}".format)
    assert joined == 'a { src: url("/static/base/fonts/f.woff2"); }\nb {}\n'


@pytest.mark.parametrize("entry", settings.JOINED_FILES)
def test_every_joined_file_is_made_and_leaves_nothing_to_fetch(entry: str) -> None:
    joined = Path(str(finders.find(f"joined/{entry}"))).read_text()
    assert "@import" not in joined and not re.search(r"^import ", joined, re.MULTILINE)


def test_all_tiles_are_in_the_live_page_s_script() -> None:
    joined = Path(str(finders.find("joined/dashboards/live.js"))).read_text()
    tiles = Path(str(finders.find("dashboards/live.js"))).parent.joinpath("tiles").glob("*.js")
    assert all(f"// dashboards/tiles/{tile.name}\n" in joined for tile in tiles)


def test_a_page_names_the_version_of_a_file() -> None:
    text = "{% load versioned %}{% versioned 'joined/dashboards/live.js' %}"
    assert re.fullmatch(
        r"/static/joined/dashboards/live\.js\?v=[0-9a-f]{12}", Template(text).render(Context())
    )


def test_the_script_moves_figures_for_as_long_as_the_sheets_say() -> None:
    sheet, script = (
        Path(str(finders.find(name))).read_text() for name in ("shopsite/tokens.css", "dashboards/dom.js")
    )
    (told,) = re.findall(r"const CALM_MS = (\d+);", script)
    assert f"--calm: {told}ms;" in sheet
