"""Guards for HTTP services on FastAPI and Starlette.

A route is asked about before it runs. Without more, the question is that of AuthZEN's HTTP
binding: may whoever asks do ``GET`` to the route ``/orders/{id}``?
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .ask import Asker, call_of
from .denial import Denial, Denied
from .model import Action, JsonObject, Reason, Resource

__all__ = ["Authorize"]

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Authorize(Asker):
    """Asks a PDP about requests to an HTTP service.

    ``authorize = Authorize("http://127.0.0.1:8181")``, then in FastAPI
    ``dependencies=[Depends(authorize.route)]``, and in Starlette ``@authorize.endpoint``. It takes
    the settings ``principal``, ``resource_metadata`` and ``url`` (the service's, without a path).
    """

    async def route(self, request: Request) -> None:
        """Asks about the route of a request: a dependency of FastAPI."""
        template = _template(request)
        if template is None:
            message = "The request has no route, or one endpoint has several."
            raise self._refuse(Denial(Reason("route_unknown", message, "none")))
        properties: dict[str, Any] = {"path": request.url.path}
        if request.path_params:
            properties["path_params"] = {k: str(v) for k, v in request.path_params.items()}
        await self.check(request, request.method, Resource("http_route", template, properties))

    def asks(
        self, action: str, type: str, id: str, *, context: JsonObject | None = None
    ) -> Callable[[Request], Awaitable[None]]:
        """Returns a dependency that asks about a resource; ``{name}`` in ``id`` is of the path."""

        async def dependency(request: Request) -> None:
            try:
                resource = Resource(type, id.format_map(request.path_params))
            except (KeyError, ValueError, IndexError, AttributeError) as error:
                message = f"The resource `{id}` does not fit the route."
                raise self._refuse(Denial(Reason("guard_failed", message, "none"))) from error
            await self.check(request, action, resource, context)

        return dependency

    async def check(
        self,
        request: Request,
        action: str | Action,
        resource: Resource,
        context: JsonObject | None = None,
    ) -> None:
        """Asks one question about a request. Raises ``HTTPException`` unless it is permitted."""
        url = self.settings.url.rstrip("/") + request.url.path if self.settings.url else None
        call = call_of(request.method, resource.id, request, url)
        action = Action(action) if isinstance(action, str) else action
        try:
            await self.ask(call, action, resource, context)
        except Denied as denied:
            raise self._refuse(denied.denial) from denied

    def endpoint(self, endpoint: Endpoint) -> Endpoint:
        """Guards an endpoint of Starlette by its route."""

        @functools.wraps(endpoint)
        async def guarded(request: Request) -> Response:
            try:
                await self.route(request)
            except HTTPException as refused:
                headers = dict(refused.headers or {})
                return JSONResponse({"detail": refused.detail}, refused.status_code, headers)
            return await endpoint(request)

        return guarded

    def _refuse(self, denial: Denial) -> HTTPException:
        headers = dict(denial.headers(self.settings.resource_metadata))
        detail: Any = denial.structured()
        return HTTPException(denial.status(), detail=detail, headers=headers)


def _template(request: Request) -> str | None:
    """Returns the path of a request's route, as it was declared, with where it is mounted."""
    scope = request.scope
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        root, outer = scope.get("root_path", ""), scope.get("app_root_path")
        return (root.removeprefix(outer) if isinstance(outer, str) else "") + path
    routes = getattr(scope.get("router"), "routes", ())
    found = set(_paths(routes, scope.get("endpoint"), ""))
    return found.pop() if len(found) == 1 else None


def _paths(routes: Iterable[Any], endpoint: Any, prefix: str) -> Iterator[str]:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        if endpoint is not None and getattr(route, "endpoint", None) is endpoint:
            yield path
        yield from _paths(getattr(route, "routes", None) or (), endpoint, path)
