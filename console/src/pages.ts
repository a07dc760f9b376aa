// Which page an address is of, and how another is gone to.

import { useEffect, useState } from "preact/hooks";

export type PageName = "try" | "who" | "agents" | "policies" | "live";
export const PAGES: { name: PageName; title: string }[] = [
  { name: "try", title: "Try" },
  { name: "who", title: "Who can" },
  { name: "agents", title: "Agents" },
  { name: "policies", title: "Policies" },
  { name: "live", title: "Live" },
];

/** Where each page was left, so that going back to it shows the same. */
const left = new Map<PageName, string>();

const pageOf = (fragment: string): PageName => PAGES.find((page) => new RegExp(`^#/${page.name}(/|$)`).test(fragment))?.name ?? "try";

/** The address of a page as it was left. */
export const addressOf = (page: PageName): string => left.get(page) ?? `#/${page}`;

/** The page that the address is of. */
export function usePageName(): PageName {
  const [page, setPage] = useState(() => pageOf(location.hash));
  useEffect(() => {
    const read = (): void => setPage(pageOf(location.hash));
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  return page;
}

/** Writes where a page is into the address, without a step in the history. */
export function stay(page: PageName, fragment: string): void {
  left.set(page, fragment);
  if (pageOf(location.hash) === page && location.hash !== fragment) history.replaceState(null, "", fragment);
}

/** Calls back when a person goes to another address of a page. */
export function useAddress(page: PageName, onOther: (fragment: string) => void): void {
  useEffect(() => {
    const read = (): void => {
      if (pageOf(location.hash) === page && location.hash !== left.get(page)) onOther(location.hash);
    };
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, [page, onOther]);
}
