import { BatonError } from "./domain/errors.ts";

/** One part of a multipart form: a plain field, or a file. */
export type OutgoingFormPart =
  | { readonly name: string; readonly value: string }
  | {
      readonly name: string;
      readonly filename: string;
      /** A media type; absent: `application/octet-stream`. */
      readonly contentType?: string;
      /**
       * Bytes in memory, or a Blob, which is read as a stream (`openAsBlob` of node:fs for a file on disk). A bare stream is
       * not taken: it could not be sent a second time.
       */
      readonly content: Uint8Array | Blob;
    };

/** A request to the outside. At most one of `json`, `form` and `body`. */
export interface OutgoingRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute, http or https, without user name and password. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly form?: readonly OutgoingFormPart[];
  readonly body?: string | Buffer;
  /** Milliseconds for everything: name, connection, sending, waiting, and the last byte of the answer. */
  readonly timeoutMs?: number;
  /** Longest answer taken, in bytes after unpacking. */
  readonly maxBytes?: number;
}

export interface OutgoingResponse {
  readonly status: number;
  /** Names in lower case; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, unpacked. */
  readonly bytes: Buffer;
  /** The body as UTF-8. */
  text(): string;
  /** The body parsed. Throws OutgoingError `not_json` when it is something else, such as a proxy's HTML page. */
  json(): unknown;
}

export interface DownloadOptions {
  readonly maxBytes: number;
  readonly timeoutMs?: number;
}

/** The HTTP client that connectors are handed: filtered addresses, no proxy, hard limits on time and size. */
export interface Outgoing {
  /** Resolves for every HTTP status, redirects included (none is followed); rejects with OutgoingError. */
  request(request: OutgoingRequest): Promise<OutgoingResponse>;
  /**
   * Fetches a file by GET. Follows up to three redirects, each of them filtered like a first request; the time and size limits
   * hold for all together. Resolves for every other status; rejects with OutgoingError.
   */
  download(url: string, options: DownloadOptions): Promise<OutgoingResponse>;
  /**
   * Why this URL would be refused, told from its text alone, without asking the network; null when it may be tried. For
   * telling an admin at once: names are judged only when a connection is made.
   */
  urlFault(url: string): string | null;
  /** Ends idle connections; running requests are cut off. */
  close(): void;
}

/**
 * - `invalid_url`: not an absolute http(s) URL, or one with credentials
 * - `invalid_header`: a header, most often a token, holds characters that HTTP does not allow
 * - `refused_address`: leads to a private, local or cloud metadata address
 * - `dns`: the name has no address, or the name server did not answer
 * - `connect`: nobody listens, or no way there
 * - `tls`: no safe connection: certificate or protocol
 * - `timeout`: not done in time
 * - `reset`: the connection broke, or the answer was garbled
 * - `too_large`: the answer is longer than the limit
 * - `too_many_redirects`: only from `download`
 * - `not_json`: only from `json()`
 */
export type OutgoingErrorKind =
  | "invalid_url"
  | "invalid_header"
  | "refused_address"
  | "dns"
  | "connect"
  | "tls"
  | "timeout"
  | "reset"
  | "too_large"
  | "too_many_redirects"
  | "not_json";

export interface OutgoingErrorDetails {
  readonly ambiguous: boolean;
  /** The HTTP status, when the head of an answer had arrived. */
  readonly status?: number | undefined;
  /** The system's word for it, such as `ECONNREFUSED`. */
  readonly systemCode?: string | undefined;
}

/**
 * A request to the outside that brought no usable answer. Says scheme, host and port of the far side, never path, query
 * string or headers: those hold tokens.
 */
export class OutgoingError extends BatonError {
  override readonly name = "OutgoingError";
  readonly code: `outgoing_${OutgoingErrorKind}`;
  readonly kind: OutgoingErrorKind;
  /** True when the request may have reached the far side, so that its effect may have taken place: look before repeating. */
  readonly ambiguous: boolean;
  readonly status: number | undefined;
  readonly systemCode: string | undefined;

  constructor(kind: OutgoingErrorKind, message: string, details: OutgoingErrorDetails) {
    super(message);
    this.kind = kind;
    this.code = `outgoing_${kind}`;
    this.ambiguous = details.ambiguous;
    this.status = details.status;
    this.systemCode = details.systemCode;
  }
}
