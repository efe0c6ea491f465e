"""The page /api/docs: every route with its words, made on the server, so that it works without the internet."""

from html import escape
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from digits_core.api.prefix import prefix_of

Json = dict[str, Any]

router = APIRouter(include_in_schema=False)

STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2rem } summary { cursor: pointer } summary code { font-weight: 600 }
pre { overflow-x: auto; padding: .6rem; border: 1px solid #8884; border-radius: .4rem }
td, th { text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0 }
"""


@router.get("/docs", response_class=HTMLResponse)
def page(request: Request) -> HTMLResponse:
    """The reference."""
    return HTMLResponse(html_of(request.app.openapi(), f"{prefix_of(request.scope)}/api"), headers={
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"})


def html_of(schema: Json, root: str = "/api") -> str:
    """One section a tag, one fold-out a route, from the OpenAPI description of what is below ``root``."""
    groups: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, route in methods.items():
            tag = (route.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_route(schema, root + path, method, route))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(routes)}" for tag, routes in groups.items())
    title = escape(f"{schema['info']['title']} {schema['info']['version']}")
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
            f"<h1>{title}</h1><p>{escape(schema['info'].get('description', ''))}</p>"
            f'<p>For programs: <a href="openapi.json">openapi.json</a></p>{body}</html>')


def _route(schema: Json, path: str, method: str, route: Json) -> str:
    rows = [(p["name"], p["in"], p.get("required", False), p["schema"], p.get("description", ""))
            for p in route.get("parameters", [])] + _body_rows(schema, route)
    table = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if required else ' (optional)'}<td>{escape(place)}"
        f"<td>{escape(_type(kind))}<td>{escape(text)}" for name, place, required, kind, text in rows)
    head = f"<table><tr><th>Name<th>In<th>Type<th>About{table}</table>" if rows else ""
    answers = "".join(f"<tr><td><code>{escape(status)}</code><td>{escape(_answer(told))}"
                      for status, told in route.get("responses", {}).items())
    return (f'<details id="{quote(method + path)}"><summary><code>{method.upper()} {escape(path)}</code> '
            f"{escape(route.get('summary', ''))}</summary><p>{escape(route.get('description', ''))}</p>{head}"
            f"<table><tr><th>Answer<th>About{answers}</table>"
            f"<pre>{escape(curl(path, method, route))}</pre></details>")


def _answer(told: Json) -> str:
    kinds = ", ".join(told.get("content", {}))
    return str(told.get("description", "")).replace("Successful Response", "Done.") + (f" ({kinds})" if kinds else "")


def _body_rows(schema: Json, route: Json) -> list[tuple[str, str, bool, Json, str]]:
    rows = []
    for media, content in route.get("requestBody", {}).get("content", {}).items():
        body = _resolved(schema, content["schema"])
        place = "form" if "form" in media else "JSON"
        rows += [(name, place, name in body.get("required", ()), kind, kind.get("description", ""))
                 for name, kind in body.get("properties", {}).items()]
    return rows


def _resolved(schema: Json, part: Json) -> Json:
    part = next((option for option in part.get("anyOf", ()) if "$ref" in option), part)
    name = part.get("$ref", "").rpartition("/")[2]
    found: Json = schema.get("components", {}).get("schemas", {}).get(name, part)
    return found


def _type(kind: Json) -> str:
    if "anyOf" in kind:
        return " or ".join(_type(option) for option in kind["anyOf"] if option.get("type") != "null")
    if "enum" in kind:
        return ", ".join(map(str, kind["enum"]))
    if kind.get("type") == "array":
        return f"list of {_type(kind.get('items', {}))}"
    return str(kind.get("format") or kind.get("type") or kind.get("$ref", "").rpartition("/")[2] or "any")


def curl(path: str, method: str, route: Json) -> str:
    """A command line that calls the route at this whole path."""
    words = ["curl"] + ([f"-X {method.upper()}"] if method not in ("get", "post") else [])
    words += ["-H 'X-Digits-User: NAME'"] if method != "get" else []
    for media in route.get("requestBody", {}).get("content", {}):
        words.append("-F file=@FILE" if "form" in media else "-H 'Content-Type: application/json' -d '{...}'")
    if method == "post" and len(words) == 2:
        words.insert(1, "-X POST")
    return " ".join([*words, f"http://localhost:8501{path}"])
