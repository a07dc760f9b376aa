// `subscriptions/listen` of the revision 2026-07-28. The SDK's entries answer it themselves, from
// what the server says that it can, and the server never sees it: a guard on the server alone would
// not either. So a guarded server says nothing of what can be listened to, unless the entry is
// guarded too.

import { AsyncLocalStorage } from "node:async_hooks";

import { isObject } from "../answer.js";
import type { Guard } from "./guard.js";
import { isHandling, type LowLevelServer } from "./sdk.js";

export const LISTEN = "subscriptions/listen";

/** Set while a request to listen is answered that was permitted. */
export const listening = new AsyncLocalStorage<true>();

/** Hides from the SDK's entries what can be listened to. */
export function hideSubscriptions(guard: Guard, low: LowLevelServer): void {
  const real = low.getCapabilities?.bind(low);
  if (real === undefined) return;
  const close = low.close.bind(low);
  let discarded = false;
  low.close = () => {
    discarded ||= low.transport === undefined;
    return close();
  };
  low.getCapabilities = () => {
    if (isHandling() || listening.getStore() === true) return real();
    // Whoever registers a tool looks at once; an entry keeps it, or has thrown the server away.
    let fresh = true;
    queueMicrotask(() => (fresh = false));
    return viewOf(real(), () => {
      if (fresh && !discarded) return true;
      const remedy = "use guardedMcpHandler() or serveGuardedStdio()";
      guard.enforcer.report(new Error(`\`${LISTEN}\` would go around the guard: ${remedy}`));
      return false;
    });
  };
}

/** Shows what a server can, and what can be listened to only for as long as `shown` says so. */
function viewOf(capabilities: object, shown: () => boolean): object {
  const view: Record<string, unknown> = { ...capabilities };
  for (const kind of ["tools", "prompts", "resources"]) {
    const own = view[kind];
    if (!isObject(own)) continue;
    const part: Record<string, unknown> = { ...own };
    for (const name of ["listChanged", "subscribe"]) {
      const value = own[name];
      if (value !== true) continue;
      const get = () => (shown() ? value : undefined);
      Object.defineProperty(part, name, { get, enumerable: true });
    }
    view[kind] = part;
  }
  return view;
}
