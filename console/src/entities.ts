// Which entities are meant by a part of their id.

import { entities } from "./api";
import type { Choice, Choices } from "./combobox";
import { entityOf } from "./wire";

/** LIMIT: choices of a list, and types of which ids are looked up while no type is typed. */
const MOST_CHOICES = 20;
const MOST_TYPES = 8;
const MOST_OF_TYPE = 6;
/** LIMIT: ids of a type among which one that is typed in full is looked for. */
const MOST_IDS = 500;

/** Completes `type:id`: by the type, or, without one, by a part of the id. */
export async function complete(types: string[], text: string, signal: AbortSignal): Promise<Choices> {
  const at = text.indexOf(":");
  if (at >= 0) {
    const type = text.slice(0, at).trim();
    const found = await entities(type, text.slice(at + 1).trim(), signal, MOST_CHOICES);
    return { choices: found.ids.map((id) => ({ value: `${type}:${id}` })), more: found.more };
  }
  const like = text.trim();
  const fitting = types.filter((type) => type.toLowerCase().includes(like.toLowerCase()));
  const begun = fitting.slice(0, MOST_CHOICES).map((type): Choice => ({ value: `${type}:`, isOpen: true }));
  if (like === "") return { choices: begun, more: fitting.length > MOST_CHOICES };
  const lists = await Promise.all(types.slice(0, MOST_TYPES).map(async (type) => ({ type, list: await entities(type, like, signal, MOST_OF_TYPE) })));
  const named = lists.flatMap(({ type, list }) => list.ids.map((id): Choice => ({ value: `${type}:${id}` })));
  const more = fitting.length > MOST_CHOICES || types.length > MOST_TYPES || lists.some(({ list }) => list.more);
  return { choices: [...begun, ...named], more };
}

/**
 * The entity that a text means: as it is written, or, if it is an id alone, the only known one with this id; otherwise
 * `undefined`. An entity whose id only contains the text is never meant.
 */
export async function meant(types: string[], text: string): Promise<string | undefined> {
  const id = text.trim();
  if (entityOf(id)) return id;
  if (id === "" || id.includes(":") || types.length > MOST_TYPES) return undefined;
  const lists = await Promise.all(types.map(async (type) => ({ type, list: await entities(type, id, undefined, MOST_IDS) })));
  const same = lists.filter(({ list }) => list.ids.includes(id));
  // A list that was cut may hold another one.
  const isSure = lists.every(({ list }) => !list.more || list.ids.includes(id));
  const [only] = same;
  return same.length === 1 && isSure && only ? `${only.type}:${id}` : undefined;
}
