"""{% versioned 'joined/dashboards/live.js' %}: the address of what is in the file now."""

from django import template
from django.templatetags.static import static

from shopsite.assets.finder import version

register = template.Library()


@register.simple_tag
def versioned(name: str) -> str:
    """As {% static %}, and another address for each version: a browser need not ask for it again."""
    return f"{static(name)}?v={version(name)}"
