"""SVG as trees of elements, so that every text and attribute is escaped by construction."""

from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup


def node(tag: str, attributes: dict[str, str | float], *children: "Element | str") -> Element:
    """Return an element; numbers are written short and children may be texts."""
    element = Element(tag, {key: _text(value) for key, value in attributes.items()})
    for child in children:
        if isinstance(child, str):
            element.text = (element.text or "") + child
        else:
            element.append(child)
    return element


def markup(element: Element) -> Markup:
    """Return the element as HTML that the template need not escape again."""
    return Markup(tostring(element, encoding="unicode"))  # noqa: S704  # escaped by ElementTree


def short(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else short(value)
