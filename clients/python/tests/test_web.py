"""Guards of HTTP services: FastAPI and Starlette, with real tokens and hostile PDPs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from conftest import DEFAULT_HOSTS, Service, Stub
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from behest_authzen import AsyncAuthZenClient, Resource, chain
from behest_authzen.web import Authorize

pytestmark = pytest.mark.anyio

RAN: list[str] = []


def fastapi_app(authorize: Authorize) -> FastAPI:
    app = FastAPI(dependencies=[Depends(authorize.route)])

    @app.get("/orders/{id}")
    async def order(id: str) -> dict[str, str]:
        RAN.append(id)
        return {"id": id}

    @app.delete("/orders/{id}")
    def erase(id: str) -> dict[str, str]:
        RAN.append(id)
        return {"id": id}

    @app.post("/orders")
    async def create(request: Request) -> dict[str, str]:
        RAN.append("new")
        return {}

    return app


def starlette_app(authorize: Authorize) -> Starlette:
    @authorize.endpoint
    async def order(request: Request) -> Response:
        RAN.append(request.path_params["id"])
        return JSONResponse({"id": request.path_params["id"]})

    @authorize.endpoint
    async def create(request: Request) -> Response:
        RAN.append("new")
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/orders/{id}", order, methods=["GET", "DELETE"]),
            Route("/orders", create, methods=["POST"]),
        ]
    )


APPS = {"FastAPI": fastapi_app, "Starlette": starlette_app}


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.example")


@pytest.mark.parametrize("kind", APPS)
async def test_routes(kind: str, service: Service) -> None:
    app = APPS[kind](Authorize(service.url, resource_metadata="https://desk.example/m"))
    async with client_of(app) as client:
        ana = {"Authorization": f"Bearer {service.token('ana')}"}
        eve = {"Authorization": f"Bearer {service.token('eve')}"}
        RAN.clear()
        assert (await client.get("/orders/7", headers=ana)).status_code == 200
        assert (await client.post("/orders", headers=ana)).status_code == 200
        assert RAN == ["7", "new"]
        RAN.clear()
        for response in (
            await client.get("/orders/7", headers=eve),
            await client.delete("/orders/7", headers=ana),
        ):
            assert response.status_code == 403
            detail = response.json()["detail"]
            assert detail["code"] == "not_permitted" and detail["next_action"] == "request"
            assert "WWW-Authenticate" not in response.headers
        for headers, error in (({}, ""), ({"Authorization": "Bearer x"}, "invalid_token")):
            response = await client.get("/orders/7", headers=headers)
            assert response.status_code == 401
            challenge = response.headers["WWW-Authenticate"]
            assert challenge.startswith("Bearer ") and error in challenge
            assert 'resource_metadata="https://desk.example/m"' in challenge
        assert (await client.get("/nothing", headers=eve)).status_code == 404
        assert RAN == []


@pytest.mark.parametrize("kind", APPS)
@pytest.mark.parametrize("name", ["not JSON", "a text", "HTML", "500", "nothing", "a huge body"])
async def test_a_hostile_pdp(kind: str, name: str, hostile: Any) -> None:
    pdp = AsyncAuthZenClient(hostile(*DEFAULT_HOSTS[name]).url, timeout=0.5)
    app = APPS[kind](Authorize(pdp, principal=lambda call: chain("user:ana")))
    RAN.clear()
    async with client_of(app) as client:
        response = await client.get("/orders/7")
    assert response.status_code == 503 and RAN == []
    assert response.json()["detail"]["code"] == "pdp_unavailable"


@pytest.mark.parametrize(
    "hook", [lambda call: None, lambda call: 1 / 0, lambda call: {"id": "ana"}]
)
@pytest.mark.parametrize("kind", APPS)
async def test_hooks_that_name_nobody(kind: str, hook: Any, stub: Stub) -> None:
    RAN.clear()
    async with client_of(APPS[kind](Authorize(stub.url, principal=hook))) as client:
        assert (await client.get("/orders/7")).status_code in (401, 403)
    assert RAN == [] and stub.asked == []


async def test_resources_of_ones_own(stub: Stub) -> None:
    authorize = Authorize(stub.url, principal=lambda call: chain("user:ana"))
    app = FastAPI()

    @app.get("/orders/{id}", dependencies=[Depends(authorize.asks("read", "order", "o-{id}"))])
    async def order(id: str) -> dict[str, str]:
        return {"id": id}

    @app.get("/wrong/{id}", dependencies=[Depends(authorize.asks("read", "order", "{number}"))])
    async def wrong(id: str) -> dict[str, str]:
        raise AssertionError("it ran")

    @app.post("/refunds")
    async def refund(request: Request) -> dict[str, bool]:
        body = await request.json()
        await authorize.check(
            request, "refund", Resource("order", body["order"]), {"arguments": body}
        )
        return {"paid": True}

    async with client_of(app) as client:
        assert (await client.get("/orders/7")).status_code == 200
        assert stub.questions() == [("read", "o-7")]
        assert (await client.get("/wrong/7")).status_code == 503
        assert (await client.post("/refunds", json={"order": "o-1", "amount": 2})).json()["paid"]
        assert stub.asked[-1]["context"] == {"arguments": {"order": "o-1", "amount": 2}}
        stub.reset(("refund", "o-1"))
        assert (await client.post("/refunds", json={"order": "o-1"})).status_code == 403


async def test_apps_that_are_mounted(stub: Stub) -> None:
    authorize = Authorize(stub.url, principal=lambda call: chain("user:ana"))
    inner, outer = fastapi_app(authorize), FastAPI()
    outer.mount("/v1", inner)
    async with client_of(outer) as client:
        assert (await client.get("/v1/orders/7")).status_code == 200
    assert stub.questions() == [("GET", "/v1/orders/{id}")]
    assert stub.asked[0]["resource"]["properties"] == {
        "path": "/v1/orders/7",
        "path_params": {"id": "7"},
    }
    stub.reset()
    plain = Starlette(routes=[Mount("/v2", routes=starlette_app(authorize).routes)])
    async with client_of(plain) as client:
        assert (await client.get("/v2/orders/7")).status_code == 200
    assert stub.questions() == [("GET", "/v2/orders/{id}")]


async def test_an_endpoint_with_several_routes(stub: Stub) -> None:
    """Each is asked about by itself where Starlette says which it was, and else refused."""
    authorize = Authorize(stub.url, principal=lambda call: chain("user:ana"))

    @authorize.endpoint
    async def both(request: Request) -> Response:
        return JSONResponse({})

    app = Starlette(routes=[Route("/a", both), Route("/b", both)])
    stub.reset(("GET", "/b"))
    async with client_of(app) as client:
        found = [(await client.get(path)).status_code for path in ("/a", "/b")]
    assert found in ([200, 403], [403, 403])


async def test_a_websocket_is_not_let_in(stub: Stub) -> None:
    from fastapi import WebSocket
    from starlette.testclient import TestClient

    app = fastapi_app(Authorize(stub.url, principal=lambda call: chain("user:ana")))

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        RAN.append("live")
        await websocket.accept()

    RAN.clear()
    with pytest.raises(Exception), TestClient(app).websocket_connect("/live"):
        pass
    assert RAN == []


async def test_proofs_name_the_public_address(stub: Stub) -> None:
    app = fastapi_app(Authorize(stub.url, url="https://desk.example"))
    async with client_of(app) as client:
        headers = {"Authorization": "DPoP t", "DPoP": "p"}
        assert (await client.get("/orders/7?x=1", headers=headers)).status_code == 200
    assert stub.asked[0]["context"]["credentials"][0]["dpop"] == {
        "proof": "p",
        "method": "GET",
        "url": "https://desk.example/orders/7",
    }
