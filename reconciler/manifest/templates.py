"""`{{ variable }}` templates (source: spinframework/spin, crates/expressions/src/template.rs)."""

from __future__ import annotations

from reconciler.manifest.ids import snake_fault


def template_fault(text: str) -> tuple[str, tuple[str, ...]]:
    """Say what is wrong with a text's templates (empty: nothing) and give the names of the variables in it."""
    names: list[str] = []
    position = 0
    while (start := text.find("{{", position)) >= 0:
        end = text.find("}}", start)
        if end < 0:
            return "unmatched '{{'", tuple(names)
        name = text[start + 2 : end].strip()
        if fault := snake_fault(name):
            return f"{{{{ {name} }}}}: {fault}", tuple(names)
        names.append(name)
        position = end + 2
        if (stray := text.find("}}", position)) >= 0 and (
            text.find("{{", position) < 0 or stray < text.find("{{", position)
        ):
            return "unmatched '}}'", tuple(names)
    if not names and "}}" in text:
        return "unmatched '}}'", ()
    return "", tuple(names)


def replaced(text: str, values: dict[str, str | None]) -> str | None:
    """Give a text with its variables replaced, or None where one has no value yet."""
    for name in template_fault(text)[1]:
        if values.get(name) is None:
            return None
    parts, position = [], 0
    while (start := text.find("{{", position)) >= 0:
        end = text.find("}}", start)
        parts += [text[position:start], values[text[start + 2 : end].strip()] or ""]
        position = end + 2
    return "".join([*parts, text[position:]])
