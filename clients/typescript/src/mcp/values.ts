// Arguments as a question can hold them. What a tool would see otherwise than the service does is
// refused: a policy that reads it would decide about something else.

/** Deeper arguments than these are refused; it bounds the recursion. */
const MAX_DEPTH = 64;

/** A request that does not fit into a question. */
export class MappingError extends Error {
  override readonly name = "MappingError";
}

/**
 * Returns the value as JSON; throws where JSON would say something else.
 *
 * `JSON.stringify` turns a number that is none into null, which counts as not sent, and a map into
 * an empty object. A date and an address are the texts that they are written as.
 */
export function toJson(value: unknown, path: string, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new MappingError(`\`${path}\` is too deep`);
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Date || value instanceof URL) {
    const text = value.toJSON();
    if (typeof text === "string") return text;
  }
  if (Array.isArray(value)) {
    return Array.from(value, (item, at) => toJson(item, `${path}[${at}]`, depth + 1));
  }
  if (isPlain(value)) return toObject(value, path, depth);
  throw new MappingError(`\`${path}\` holds what no question can: ${kindOf(value)}`);
}

function toObject(value: object, path: string, depth: number): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    // Copying it would set the prototype: what the tool then reads was never asked about.
    if (name === "__proto__") throw new MappingError(`\`${path}\` has a member \`__proto__\``);
    if (member === undefined) continue;
    members[name] = toJson(member, `${path}.${name}`, depth + 1);
  }
  return members;
}

/** Objects of classes may answer differently each time, or hold what their members do not show. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const members = Object.values(Object.getOwnPropertyDescriptors(value));
  return members.every((member) => "value" in member) && !hasSymbols(value);
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}

function kindOf(value: unknown): string {
  if (typeof value !== "object") return `a ${typeof value}`;
  return `a ${(value as object).constructor?.name ?? "strange object"}`;
}
