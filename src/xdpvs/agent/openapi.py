"""The OpenAPI document, made of the table of endpoints."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from xdpvs.agent import schemas
from xdpvs.agent.endpoints import ENDPOINTS, Endpoint

Json = dict[str, Any]

_REFERENCES = "#/components/schemas/{model}"
_PATH_PARAMETERS = {
    "VipPort": "`VIP-PORT-PROTOCOL`, such as `192.0.2.1-80-tcp` or `2001:db8::1-53-udp`",
    "name": "the name of the path's object",
}
_COMMON = {
    400: "the body is no JSON, or a field of it is wrong",
    401: "the bearer token is missing or wrong",
    406: "the client takes no JSON",
    408: "the body did not arrive in time",
    413: "the body is too large",
    415: "the body is of another media type",
    422: "a word is none of the allowed ones, or something required is missing",
    503: "the daemon does not answer, or too many requests are waiting",
}
_DESCRIPTIONS = {
    200: "done",
    201: "created",
    270: "the version is not the service's any more; nothing was changed; the service as it is",
    404: "not there",
    460: "the service id or an address is wrong, or a server is missing",
    461: "the daemon refused, or does not answer",
    500: "refused",
    501: "not supported by the data plane",
}


def document(version: str, *, token: bool) -> Json:
    """OpenAPI 3.1. With `token`, calls need a bearer token."""
    models = {each.body for each in ENDPOINTS if each.body is not None} | _answer_models()
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        by_alias=True,
        ref_template=_REFERENCES,
    )
    paths: dict[str, Json] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    found: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "dpvs-agent",
            "version": version,
            "description": "DPVS's HTTP API. Keys of bodies are read in any case; unknown keys are ignored.",
        },
        "paths": paths,
        "components": {"schemas": definitions["$defs"]},
    }
    if token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
    return found


def _answer_models() -> set[type[BaseModel]]:
    answered = [schema for each in ENDPOINTS for schema in each.answers.values()]
    models = {each for each in answered if isinstance(each, type) and issubclass(each, BaseModel)}
    return models | {schemas.Error}


def _operation(endpoint: Endpoint) -> Json:
    operation: Json = {
        "operationId": endpoint.operation.replace(".", "_"),
        "tags": [endpoint.operation.partition(".")[0]],
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint.path), *_query_parameters(endpoint)],
        "responses": _responses(endpoint),
    }
    if endpoint.ours:
        operation["description"] = "Answered with 501 by upstream."
    if endpoint.body is not None:
        schema = {"$ref": _REFERENCES.format(model=endpoint.body.__name__)}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}, "required": False}
    return operation


def _path_parameters(path: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "description": _PATH_PARAMETERS[name],
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[Json]:
    found = []
    for each in endpoint.query:
        parameter: Json = {"name": each.name, "in": "query", "schema": each.schema()}
        if each.description:
            parameter["description"] = each.description
        if "default" not in parameter["schema"]:
            parameter["required"] = True
        found.append(parameter)
    return found


def _responses(endpoint: Endpoint) -> Json:
    error = {"$ref": _REFERENCES.format(model="Error")}
    responses: Json = {}
    for status, schema in endpoint.answers.items():
        response: Json = {"description": _DESCRIPTIONS.get(status, _COMMON.get(status, "refused"))}
        if schema is not None:
            response["content"] = {"application/json": {"schema": _schema(schema)}}
        responses[str(status)] = response
    for status, description in _COMMON.items():
        text: Json = {"type": "string"}
        either = {"anyOf": [error, text]} if status in endpoint.answers or status == 503 else error
        responses[str(status)] = {"description": description, "content": {"application/json": {"schema": either}}}
    return dict(sorted(responses.items()))


def _schema(schema: type[BaseModel] | type[str]) -> Json:
    if issubclass(schema, BaseModel):
        return {"$ref": _REFERENCES.format(model=schema.__name__)}
    return {"type": "string"}
