/**
 * The base of every error that Baton words itself.
 *
 * Its message speaks to whoever must act and may be logged and shown: it never holds a token, a header, a query string or
 * what a visitor wrote. Errors of any other class are taken to hold exactly that, and only their name and code are kept.
 */
export abstract class BatonError extends Error {
  abstract readonly code: string;
}

interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  /** What the reader can do about it; absent where the title already says so. */
  readonly remedy?: string;
}

/**
 * Every code that an answer of Baton can carry (RFC 9457 `code`), with its HTTP status. Codes are stable: callers branch on
 * them. Titles are the same for each occurrence; the detail of one occurrence goes into the HandoffError.
 */
export const catalogue = {
  malformed_body: {
    status: 400,
    title: "The body could not be read",
    remedy: "Send well-formed JSON in UTF-8, nested at most 32 deep.",
  },
  malformed_request: {
    status: 400,
    title: "The request could not be read",
    remedy: "Check the path, the query string and the headers named in the detail.",
  },
  unauthenticated: {
    status: 401,
    title: "A valid token is needed",
    remedy: "Send `Authorization: Bearer <token>` with a token issued by this server.",
  },
  token_expired: { status: 401, title: "The token has expired", remedy: "Ask for a new token." },
  sign_in_refused: {
    status: 403,
    title: "This sign-in link cannot be used",
    remedy: "Ask your admin for a new one: a link works once, within 15 minutes, and a newer one ends it.",
  },
  credentials_refused: {
    status: 403,
    title: "Email address, password or code is not right",
    remedy: "Try again; when the password is lost, ask your admin for a sign-in link.",
  },
  second_factor_needed: {
    status: 403,
    title: "A code from the authenticator app is needed",
    remedy: "Send the same once more with `totp`, or with a `recoveryCode`.",
  },
  foreign_page: {
    status: 403,
    title: "The request does not come from Baton's own pages",
    remedy: "With a session, send `X-Baton: 1`, from a page under the server's own address. Programs use a token.",
  },
  invalid_signature: {
    status: 401,
    title: "The webhook signature does not match",
    remedy: "Check that both sides hold the same webhook secret, and that nothing in between changes the body.",
  },
  stale_webhook: {
    status: 401,
    title: "The webhook is older or newer than five minutes",
    remedy: "Check the clocks of both sides, and sign each attempt anew.",
  },
  forbidden_role: {
    status: 403,
    title: "Your role does not allow this",
    remedy: "Ask an owner of the workspace.",
  },
  forbidden_scope: {
    status: 403,
    title: "The token does not allow this",
    remedy: "Use a token with the scope that the route asks for.",
  },
  not_found: { status: 404, title: "There is nothing here, or it is not yours to see" },
  method_not_allowed: { status: 405, title: "The route does not know this method" },
  not_acceptable: { status: 406, title: "The route cannot answer in the form asked for" },
  request_timeout: { status: 408, title: "The request took too long to arrive" },
  conflict: { status: 409, title: "The request contradicts what is stored" },
  workspace_needed: {
    status: 409,
    title: "You are a member of several workspaces",
    remedy:
      "Send the same once more with one of them as `workspaceId`: of each fault, the code is its id and the message its name.",
  },
  human_in_control: {
    status: 409,
    title: "A person has the conversation",
    remedy: "Say nothing until control returns to the bot.",
  },
  stale_turn: {
    status: 409,
    title: "Control has changed since this was written",
    remedy: "Drop the message, read the conversation again, and answer from there.",
  },
  wrong_state: { status: 409, title: "The handoff is not in a state that allows this" },
  idempotency_conflict: {
    status: 409,
    title: "A request with this Idempotency-Key is still running",
    remedy: "Send the same request again after the time in Retry-After.",
  },
  body_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: {
    status: 415,
    title: "The body is of a type that the route does not read",
    remedy: "Send `Content-Type: application/json`.",
  },
  validation_failed: {
    status: 422,
    title: "Some fields are missing or wrong",
    remedy: "Correct every field listed under `faults`.",
  },
  terms_not_accepted: {
    status: 422,
    title: "The terms have not been accepted",
    remedy: "Show the terms, and send `terms: {accepted: true}` once the visitor agrees.",
  },
  installation_failed: {
    status: 422,
    title: "The app could not be connected",
    remedy: "Correct what the detail names, and install again.",
  },
  idempotency_mismatch: {
    status: 422,
    title: "This Idempotency-Key was used for another request",
    remedy: "Use a new key for a new request.",
  },
  too_many_requests: {
    status: 429,
    title: "Too many requests",
    remedy: "Wait for the time in Retry-After.",
  },
  headers_too_large: { status: 431, title: "The headers are too large" },
  internal: { status: 500, title: "Something went wrong on our side" },
  helpdesk_refused: {
    status: 502,
    title: "The helpdesk refused the request",
    remedy: "Check the connection's address, token and rights.",
  },
  helpdesk_unavailable: { status: 503, title: "The helpdesk did not answer" },
  storage_unavailable: {
    status: 503,
    title: "Nothing could be stored",
    remedy: "Send the same request again after the time in Retry-After; check the disk of the server.",
  },
  overloaded: {
    status: 503,
    title: "There is more to do than can be done now",
    remedy: "Send the same request again after the time in Retry-After.",
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;

/** One wrong part of a request. */
export interface Fault {
  /** Where it is, in dots and brackets: `conversation.messages[3].text`; empty for the body as a whole. */
  readonly path: string;
  /** What is wrong and what would be right, without repeating the value. */
  readonly message: string;
  /** A stable word for the kind of fault, where callers may branch on it. */
  readonly code?: string;
}

export interface HandoffErrorOptions {
  readonly faults?: readonly Fault[];
  /** Set: worth trying again, after this many seconds. Unset: trying again changes nothing. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/**
 * A fault with an entry in the catalogue; the HTTP layer turns it into `application/problem+json`.
 *
 * `detail` tells this occurrence to whoever must act, in words safe to show and to log (see BatonError).
 */
export class HandoffError extends BatonError {
  override readonly name = "HandoffError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly remedy: string | undefined;
  readonly detail: string;
  readonly faults: readonly Fault[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail?: string, options: HandoffErrorOptions = {}) {
    const entry: CatalogueEntry = catalogue[code];
    super(detail ?? entry.title, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = entry.status;
    this.title = entry.title;
    this.remedy = entry.remedy;
    this.detail = detail ?? entry.title;
    this.faults = options.faults;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
