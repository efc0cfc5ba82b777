"""`/v2/docs`: the API's description for people, by Swagger UI from the installed package, without the Internet."""

from __future__ import annotations

import importlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from xdpvs.agent.http import error_response

_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>dpvs-agent</title>
<link rel="icon" href="/v2/docs/favicon-32x32.png">
<link rel="stylesheet" href="/v2/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/v2/docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});</script>
</body>
</html>
"""


async def page(_request: Request) -> Response:
    """The page."""
    return HTMLResponse(_PAGE)


async def part(request: Request) -> Response:
    """A file of the page."""
    name = request.path_params["part"]
    if name not in _FILES:
        return error_response(404, 404, f"path {request.url.path} was not found")
    return FileResponse(_directory() / name)


def _directory() -> Path:
    # Imported when the page is looked at: most agents' never is.
    return Path(str(importlib.import_module("swagger_ui_bundle").swagger_ui_path))
