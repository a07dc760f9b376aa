// The files that edits began from, and what to do where the service's files have become others.

import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { fileText } from "../api";
import type { BundleFile } from "../wire";

/** An edit: its text, and the text of the service's file that it began from; none for a file that is new. */
export interface Edit {
  text: string;
  base: string | undefined;
}

export type Edits = Record<string, Edit>;

/** Texts of the service's files, all read while it said the same of its bundle. */
let stampOf = "";
const texts = new Map<string, Promise<string>>();

/** Reads the text of a file, once for each state of the bundle. */
export function textOf(stamp: string, path: string): Promise<string> {
  if (stamp !== stampOf) {
    texts.clear();
    stampOf = stamp;
  }
  const known = texts.get(path);
  if (known) return known;
  const asked = fileText(path);
  texts.set(path, asked);
  // What failed is asked again.
  asked.catch(() => {
    if (texts.get(path) === asked) texts.delete(path);
  });
  return asked;
}

/** What a file is now, beside an edit of it that began from another text; no text if it is gone. */
export interface Newer {
  text: string | undefined;
}

/**
 * Compares the files that are edited with what they are now. An edit of which the file has become the very same is done, and
 * is told by `onSaved`.
 */
export function useNewer(stamp: string, list: BundleFile[] | undefined, edits: Edits, onSaved: (path: string) => void): Record<string, Newer> {
  const [now, setNow] = useState<Record<string, Newer>>({});
  const paths = Object.keys(edits).sort();
  useEffect(() => {
    if (!list) return undefined;
    let isOver = false;
    const shown = paths.filter((path) => list.some((file) => file.path === path && !file.hidden));
    const gone = paths.filter((path) => !list.some((file) => file.path === path)).map((path): [string, Newer] => [path, { text: undefined }]);
    Promise.all(shown.map(async (path): Promise<[string, Newer]> => [path, { text: await textOf(stamp, path) }])).then(
      (found) => {
        if (!isOver) setNow(Object.fromEntries([...found, ...gone]));
      },
      // Why there is no text is told where the file is shown.
      () => undefined,
    );
    return () => void (isOver = true);
  }, [stamp, list, paths.join("\n")]);
  const known = Object.entries(now).filter(([path, { text }]) => edits[path] !== undefined && edits[path].base !== text);
  const saved = known.filter(([path, { text }]) => edits[path]?.text === text).map(([path]) => path);
  useEffect(() => saved.forEach(onSaved), [saved.join("\n")]);
  return Object.fromEntries(known.filter(([path]) => !saved.includes(path)));
}

/** Says that a file has become another below an edit, and lets a person choose. */
export function NewerNotice({ newer, onTake, onKeep }: { newer: Newer; onTake(): void; onKeep(): void }): JSX.Element {
  const isGone = newer.text === undefined;
  return (
    <section class="newer" aria-label="The file was changed" data-part="newer">
      <div role="status">
        <p>
          <strong>{isGone ? "The bundle has this file no more." : "The bundle’s file was changed since this edit began."}</strong>{" "}
          {isGone ? "To save your text would bring the file back." : "To save your text over it would take that change back."}
        </p>
      </div>
      {newer.text !== undefined && (
        <details>
          <summary>What the file is now</summary>
          <pre class="source" tabIndex={0} aria-label="What the file is now">
            {newer.text}
          </pre>
        </details>
      )}
      <div class="row">
        <button type="button" onClick={onTake}>
          {isGone ? "Drop my text" : "Take the file as it is now"}
        </button>
        <button type="button" onClick={onKeep}>
          Keep my edits
        </button>
      </div>
    </section>
  );
}
