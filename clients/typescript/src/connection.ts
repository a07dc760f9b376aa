// One HTTP exchange with the service: kept-alive connections, one deadline for the whole of it, and
// a bound on what is read. Nothing is sent twice: what got no answer may have been decided, and
// counted, all the same.

import { isUtf8 } from "node:buffer";
import * as http from "node:http";
import * as https from "node:https";
import type { SecureContextOptions } from "node:tls";

import { AuthZenError } from "./errors.js";

/** Connections that wait for work are closed after this time, before a service with the usual five
 * seconds closes them itself just as a question is written to one. */
const IDLE_MS = 4_000;

/** More connections than these are not opened at once; questions wait, and their deadlines run. */
const MAX_SOCKETS = 128;

/** Certificates for a service behind TLS, as `node:tls` takes them. */
export type TlsOptions = Pick<SecureContextOptions, "ca" | "cert" | "key" | "passphrase">;

/** What is sent. */
export interface Outgoing {
  method: "GET" | "POST";
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** How long it may take, how much may come back, and who may call it off. */
export interface Bounds {
  timeoutMs: number;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/** What came back. */
export interface Incoming {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

/** Where a service listens: an origin, or a unix socket. */
export class Connection {
  readonly #agent: http.Agent;
  readonly #secure: boolean;
  readonly #address: http.RequestOptions;

  constructor(origin: URL | { socketPath: string }, tls: TlsOptions = {}) {
    const options = { keepAlive: true, timeout: IDLE_MS, maxSockets: MAX_SOCKETS };
    if (origin instanceof URL) {
      this.#secure = origin.protocol === "https:";
      const hostname = origin.hostname.replace(/^\[(.*)\]$/, "$1");
      const port = origin.port === "" ? (this.#secure ? 443 : 80) : Number(origin.port);
      this.#address = { hostname, port };
    } else {
      this.#secure = false;
      this.#address = { socketPath: origin.socketPath, hostname: "localhost" };
    }
    this.#agent = this.#secure
      ? new https.Agent({ ...options, ...tls, rejectUnauthorized: true })
      : new http.Agent(options);
  }

  /** Sends once, and reads the whole answer; throws `AuthZenError` otherwise. */
  send(outgoing: Outgoing, bounds: Bounds): Promise<Incoming> {
    return new Promise((resolve, reject) => {
      // A text is sent together with the head, in one packet; bytes would be a second one.
      const { body } = outgoing;
      const headers: http.OutgoingHttpHeaders = { ...outgoing.headers };
      if (body !== undefined) headers["content-length"] = Buffer.byteLength(body);
      const request = (this.#secure ? https : http).request({
        ...this.#address,
        agent: this.#agent,
        method: outgoing.method,
        path: outgoing.path,
        headers,
      });
      const end = (finish: () => void) => {
        clearTimeout(timer);
        bounds.signal?.removeEventListener("abort", abort);
        finish();
      };
      const fail = (error: AuthZenError) => {
        request.destroy();
        end(() => reject(error));
      };
      const abort = () => fail(new AuthZenError("aborted", "the question was called off"));
      const timer = setTimeout(
        () => fail(new AuthZenError("timeout", `no answer within ${bounds.timeoutMs} ms`)),
        bounds.timeoutMs,
      );
      const lost = (cause: Error) =>
        fail(new AuthZenError("unreachable", `the connection failed: ${cause.message}`, { cause }));

      if (bounds.signal?.aborted === true) {
        abort();
        request.on("error", () => {});
        return;
      }
      bounds.signal?.addEventListener("abort", abort, { once: true });
      request.on("error", lost);
      request.on("response", (response) => {
        read(response, bounds.maxBytes, fail, (incoming) => end(() => resolve(incoming)));
      });
      request.end(body);
    });
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#agent.destroy();
  }
}

function read(
  response: http.IncomingMessage,
  maxBytes: number,
  fail: (error: AuthZenError) => void,
  done: (incoming: Incoming) => void,
): void {
  const { headers } = response;
  const tooLarge = () =>
    fail(new AuthZenError("too_large", `the answer has more than ${maxBytes} bytes`));
  const cutOff = (cause?: Error) =>
    fail(new AuthZenError("unreachable", "the answer was cut off", { cause }));
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    fail(new AuthZenError("nonsense", `the answer is encoded as \`${encoding}\``));
    return;
  }
  if (Number(headers["content-length"] ?? 0) > maxBytes) {
    tooLarge();
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) tooLarge();
    else chunks.push(chunk);
  });
  response.on("error", cutOff);
  response.on("close", () => {
    if (!response.complete) cutOff();
  });
  response.on("end", () => {
    const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    if (bytes === undefined || !isUtf8(bytes)) {
      fail(new AuthZenError("nonsense", "the answer is not UTF-8"));
    } else if (response.complete) {
      done({ status: response.statusCode ?? 0, headers, text: bytes.toString("utf8") });
    } else {
      cutOff();
    }
  });
}
