// What goes wrong between a client and the service. None of it ever permits.

/** Kinds of failure, from the wire inwards. */
export type FailureKind =
  /** No connection, or it broke before the whole answer was there. */
  | "unreachable"
  /** The whole answer was not there in time. */
  | "timeout"
  /** The caller gave up. */
  | "aborted"
  /** The service answered with an HTTP error. */
  | "status"
  /** The answer is none that AuthZEN knows. */
  | "nonsense"
  /** The answer is larger than is read. */
  | "too_large"
  /** A batch stopped before this item. */
  | "not_evaluated"
  /** The question cannot be asked: it does not fit into JSON. */
  | "unaskable";

/** A question that got no decision. */
export class AuthZenError extends Error {
  override readonly name = "AuthZenError";
  /** The HTTP status, where there was one. */
  readonly status?: number;
  /** The service's own code for the error, where it said one. */
  readonly code?: string;
  /** The id under which the question was sent. */
  requestId?: string;

  constructor(
    readonly kind: FailureKind,
    message: string,
    more: { status?: number; code?: string; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    if (more.status !== undefined) this.status = more.status;
    if (more.code !== undefined) this.code = more.code;
  }
}

/** Returns the error itself if it is one of ours, else one of the kind `unreachable`. */
export function asFailure(error: unknown): AuthZenError {
  if (error instanceof AuthZenError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AuthZenError("unreachable", message, { cause: error });
}
