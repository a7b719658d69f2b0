/** How a field's value may look; anything else is withheld. See src/logging.ts for the shapes. */
export type LogFieldShape = "id" | "lane" | "word" | "number" | "route" | "origin";

/**
 * Every field that a log line may carry. A line can hold nothing that is not listed here: no text, name, address, token or
 * body has a field to go into.
 */
export const logFields = {
  requestId: "id",
  workspaceId: "id",
  botId: "id",
  memberId: "id",
  handoffId: "id",
  conversationId: "id",
  conversationKey: "id",
  messageId: "id",
  leadId: "id",
  connectionId: "id",
  deliveryId: "id",
  destination: "id",
  kind: "word",
  connector: "word",
  lane: "lane",
  status: "word",
  state: "word",
  mode: "word",
  because: "word",
  outcome: "word",
  scope: "word",
  code: "word",
  method: "word",
  setting: "word",
  version: "word",
  signal: "word",
  route: "route",
  origin: "origin",
  httpStatus: "number",
  attempt: "number",
  durationMs: "number",
  retryAfterSeconds: "number",
  count: "number",
  bytes: "number",
  port: "number",
  pid: "number",
} as const satisfies Record<string, LogFieldShape>;

export type LogFields = { readonly [Field in keyof typeof logFields]?: string | number | null | undefined } & {
  /** Anything caught. Reduced to name, code and stack frames; its message is kept only when Baton worded it. */
  readonly error?: unknown;
};

/** Structured log lines. `event` is a fixed phrase in snake_case, past tense: `handoff_opened`. Never throws. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log that adds these fields to each of its lines. */
  with(fields: LogFields): Log;
}
