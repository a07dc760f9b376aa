"""Clients of an AuthZEN PDP, for threads and for event loops.

An evaluation never raises for want of an answer: a PDP that is down, slow or talks nonsense
denies, and ``Decision.failure`` says why. A search raises, for an empty result would say that
nothing was found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from typing import Any, Generic, TypeVar

from .errors import AuthZenError, Nonsense
from .model import (
    Action,
    Decision,
    Decisions,
    Evaluation,
    JsonObject,
    Metadata,
    Page,
    Resource,
    Subject,
)
from .plans import Plan, Questions, options_of, search_body
from .transport import AsyncTransport, SyncTransport

T = TypeVar("T")

MAX_PAGES = 10_000
"""How many pages of one search are gone through before it counts as endless."""


class Pending(Generic[T]):
    """An answer that must be awaited. Asking whether it is true is an error, not a permit."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        found: Generator[Any, Any, T] = self._coroutine.__await__()
        return found

    def __bool__(self) -> bool:
        self._coroutine.close()
        raise TypeError("this is no decision yet: `await` it")


def _next(page: Page, seen: set[str]) -> str | None:
    if page.next_token is None:
        return None
    if page.next_token in seen or len(seen) >= MAX_PAGES:
        raise Nonsense("the PDP answered a search without an end")
    seen.add(page.next_token)
    return page.next_token


class AsyncAuthZenClient(Questions):
    """A client for event loops (asyncio or trio). Use one for the whole server, and close it."""

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(url, **settings)
        self._transport = AsyncTransport(self._connection)

    __init__.__doc__ = Questions.__init__.__doc__

    async def __aenter__(self) -> AsyncAuthZenClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def _run(self, plan: Plan[T]) -> T:
        try:
            return plan.read(await self._transport.send(self._sent(plan)))
        except AuthZenError as error:
            return self._failed(plan, error)

    def evaluation(
        self,
        subject: Subject,
        action: Action,
        resource: Resource,
        context: JsonObject | None = None,
        *,
        reason: bool = False,
        explain: bool = False,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Awaitable[Decision]:
        """Asks one question. Whatever goes wrong denies; ``Decision.failure`` says what."""
        plan = self._evaluation(
            subject,
            action,
            resource,
            context,
            options_of(reason, explain),
            request_id=request_id,
            traceparent=traceparent,
        )
        return Pending(self._run(plan))

    def evaluations(
        self,
        items: Sequence[Evaluation],
        *,
        defaults: Evaluation | None = None,
        reason: bool = False,
        unknown: Sequence[str] = (),
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Awaitable[Decisions]:
        """Asks several questions at once; all are answered, or all are denied.

        ``unknown=["arguments"]`` asks what could be permitted with some arguments, where the PDP
        is behest: for lists. Such an answer permits no call.
        """
        if not items:
            return Pending(_nothing())
        plan = self._evaluations(
            items,
            defaults or Evaluation(),
            options_of(reason, unknown=unknown),
            request_id=request_id,
            traceparent=traceparent,
        )
        return Pending(self._run(plan))

    async def search_subjects(
        self,
        type: str,
        action: Action,
        resource: Resource,
        context: JsonObject | None = None,
        *,
        limit: int | None = None,
        token: str | None = None,
        **options: Any,
    ) -> Page:
        """Finds one page of who may do this. Raises ``AuthZenError``."""
        body, wanted = search_body("subject", type, action, resource, context)
        return await self._run(
            self._search("subject", body, wanted, limit, token, options_of(**options))
        )

    async def search_resources(
        self,
        subject: Subject,
        action: Action,
        type: str,
        context: JsonObject | None = None,
        *,
        limit: int | None = None,
        token: str | None = None,
        **options: Any,
    ) -> Page:
        """Finds one page of what this may be done to. Raises ``AuthZenError``."""
        body, wanted = search_body("resource", subject, action, type, context)
        return await self._run(
            self._search("resource", body, wanted, limit, token, options_of(**options))
        )

    async def search_actions(
        self,
        subject: Subject,
        resource: Resource,
        context: JsonObject | None = None,
        *,
        limit: int | None = None,
        token: str | None = None,
        **options: Any,
    ) -> Page:
        """Finds one page of what may be done. Raises ``AuthZenError``."""
        body, wanted = search_body("action", subject, None, resource, context)
        return await self._run(
            self._search("action", body, wanted, limit, token, options_of(**options))
        )

    async def all_subjects(self, *args: Any, **options: Any) -> AsyncIterator[Subject]:
        """Finds everybody, page by page; takes what :meth:`search_subjects` takes."""
        async for found in self._all(self.search_subjects, args, options):
            yield found

    async def all_resources(self, *args: Any, **options: Any) -> AsyncIterator[Resource]:
        """Finds everything, page by page; takes what :meth:`search_resources` takes."""
        async for found in self._all(self.search_resources, args, options):
            yield found

    async def all_actions(self, *args: Any, **options: Any) -> AsyncIterator[Action]:
        """Finds all actions, page by page; takes what :meth:`search_actions` takes."""
        async for found in self._all(self.search_actions, args, options):
            yield found

    async def _all(
        self, search: Callable[..., Awaitable[Page]], args: Any, options: dict[str, Any]
    ) -> AsyncIterator[Any]:
        seen: set[str] = set()
        token = None
        while True:
            page = await search(*args, **{**options, "token": token})
            for result in page.results:
                yield result
            if (token := _next(page, seen)) is None:
                return

    async def metadata(self) -> Metadata:
        """Returns what the PDP says of itself. Raises ``AuthZenError``."""
        return await self._run(self._metadata())

    async def discover(self) -> Metadata:
        """Reads the metadata and asks where they say, which must be at the same place."""
        metadata = await self.metadata()
        self._adopt(metadata)
        return metadata


async def _nothing() -> Decisions:
    return Decisions(())


class AuthZenClient(Questions):
    """A client for threads. Use one for the whole program, from any thread, and close it."""

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(url, **settings)
        self._transport = SyncTransport(self._connection)

    __init__.__doc__ = Questions.__init__.__doc__

    def __enter__(self) -> AuthZenClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def _run(self, plan: Plan[T]) -> T:
        try:
            return plan.read(self._transport.send(self._sent(plan)))
        except AuthZenError as error:
            return self._failed(plan, error)

    def evaluation(
        self,
        subject: Subject,
        action: Action,
        resource: Resource,
        context: JsonObject | None = None,
        *,
        reason: bool = False,
        explain: bool = False,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Decision:
        """Asks one question. Whatever goes wrong denies; ``Decision.failure`` says what."""
        return self._run(
            self._evaluation(
                subject,
                action,
                resource,
                context,
                options_of(reason, explain),
                request_id=request_id,
                traceparent=traceparent,
            )
        )

    def evaluations(
        self,
        items: Sequence[Evaluation],
        *,
        defaults: Evaluation | None = None,
        reason: bool = False,
        unknown: Sequence[str] = (),
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Decisions:
        """Asks several questions at once; all are answered, or all are denied.

        ``unknown=["arguments"]`` asks what could be permitted with some arguments, where the PDP
        is behest: for lists. Such an answer permits no call.
        """
        if not items:
            return Decisions(())
        return self._run(
            self._evaluations(
                items,
                defaults or Evaluation(),
                options_of(reason, unknown=unknown),
                request_id=request_id,
                traceparent=traceparent,
            )
        )

    def search_subjects(
        self,
        type: str,
        action: Action,
        resource: Resource,
        context: JsonObject | None = None,
        *,
        limit: int | None = None,
        token: str | None = None,
        **options: Any,
    ) -> Page:
        """Finds one page of who may do this. Raises ``AuthZenError``."""
        body, wanted = search_body("subject", type, action, resource, context)
        return self._run(self._search("subject", body, wanted, limit, token, options_of(**options)))

    def search_resources(
        self,
        subject: Subject,
        action: Action,
        type: str,
        context: JsonObject | None = None,
        *,
        limit: int | None = None,
        token: str | None = None,
        **options: Any,
    ) -> Page:
        """Finds one page of what this may be done to. Raises ``AuthZenError``."""
        body, wanted = search_body("resource", subject, action, type, context)
        return self._run(
            self._search("resource", body, wanted, limit, token, options_of(**options))
        )

    def search_actions(
        self,
        subject: Subject,
        resource: Resource,
        context: JsonObject | None = None,
        *,
        limit: int | None = None,
        token: str | None = None,
        **options: Any,
    ) -> Page:
        """Finds one page of what may be done. Raises ``AuthZenError``."""
        body, wanted = search_body("action", subject, None, resource, context)
        return self._run(self._search("action", body, wanted, limit, token, options_of(**options)))

    def all_subjects(self, *args: Any, **options: Any) -> Iterator[Subject]:
        """Finds everybody, page by page; takes what :meth:`search_subjects` takes."""
        yield from self._all(self.search_subjects, args, options)

    def all_resources(self, *args: Any, **options: Any) -> Iterator[Resource]:
        """Finds everything, page by page; takes what :meth:`search_resources` takes."""
        yield from self._all(self.search_resources, args, options)

    def all_actions(self, *args: Any, **options: Any) -> Iterator[Action]:
        """Finds all actions, page by page; takes what :meth:`search_actions` takes."""
        yield from self._all(self.search_actions, args, options)

    def _all(
        self, search: Callable[..., Page], args: Any, options: dict[str, Any]
    ) -> Iterator[Any]:
        seen: set[str] = set()
        token = None
        while True:
            page = search(*args, **{**options, "token": token})
            yield from page.results
            if (token := _next(page, seen)) is None:
                return

    def metadata(self) -> Metadata:
        """Returns what the PDP says of itself. Raises ``AuthZenError``."""
        return self._run(self._metadata())

    def discover(self) -> Metadata:
        """Reads the metadata and asks where they say, which must be at the same place."""
        metadata = self.metadata()
        self._adopt(metadata)
        return metadata
