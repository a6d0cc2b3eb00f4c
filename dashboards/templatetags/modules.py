"""Name all modules of a page in its head: they are fetched at once, not one import after another."""

import posixpath
import re
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()
IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?\bfrom\s*"(\.[^"]+)";""", re.MULTILINE)


@register.simple_tag
def modulepreload(entry: str) -> SafeString:
    """A link for each module that a script imports, directly or by others. entry: as in {% static %}."""
    return format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', [(static(name),) for name in imports(entry)]
    )


@cache
def imports(entry: str) -> tuple[str, ...]:
    """The modules that a script needs, itself not among them, nearest first."""
    found = [entry]
    for name in found:
        path = finders.find(name)
        if path is None:
            raise template.TemplateSyntaxError(f"{name} is imported, and no static file")
        folder = posixpath.dirname(name)
        for module in IMPORT.findall(Path(path).read_text()):
            other = posixpath.normpath(posixpath.join(folder, module))
            if other not in found:
                found.append(other)
    return tuple(found[1:])
