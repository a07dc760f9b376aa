// JSON that keeps the digits of its numbers: 0.10 and 9007199254740993 are sent as they were written.

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

interface RawJson {
  rawJSON(text: string): number;
}

const raw = (JSON as unknown as Partial<RawJson>).rawJSON?.bind(JSON);

/** Reads JSON. A number whose digits JavaScript would change is kept as its text, where the browser can do that. */
export function parse(text: string): Json {
  if (!raw) return JSON.parse(text) as Json;
  const keep = (_name: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source
      ? raw(context.source)
      : value;
  return (JSON.parse as (text: string, reviver: typeof keep) => Json)(text, keep);
}

/** Writes JSON on one line, with a space behind each comma and colon. */
export function line(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(line).join(", ")}]`;
  if (isObject(value)) {
    const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${line(member)}`);
    return members.length > 0 ? `{ ${members.join(", ")} }` : "{}";
  }
  return JSON.stringify(value);
}

/** Writes JSON for people. */
export function pretty(value: Json): string {
  const one = line(value);
  return one.length <= 60 ? one : JSON.stringify(value, null, 2);
}

/** Whether a value is an object with members, and no number that was kept as its text. */
export function isObject(value: Json | undefined): value is JsonObject {
  const isRaw = (JSON as unknown as { isRawJSON?(value: unknown): boolean }).isRawJSON?.(value) ?? false;
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRaw;
}
