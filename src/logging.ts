import { pino } from "pino";
import type { DestinationStream } from "pino";
import { BatonError } from "./domain/errors.ts";
import { logFields } from "./ports-log.ts";
import { currentRequestId } from "./request-scope.ts";
import type { Log, LogFields, LogFieldShape } from "./ports-log.ts";

export interface LoggerSettings {
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  /** Absent: standard output. */
  readonly destination?: DestinationStream;
}

/** Stands where a value does not look as its field promises: it may be text, a name or an address. */
const withheld = "[withheld]";

/**
 * Structured logs: one JSON object per line, `{"level", "time", "event", …}`, with the id of the request that the running code
 * works for.
 *
 * What is not listed in `logFields` is dropped, and a listed value that does not have its field's shape is withheld, so that
 * no body, token, name or address gets into a log by way of a careless call; line ends cannot forge a second line. Never
 * throws.
 */
export function createLogger({ level, destination }: LoggerSettings): Log {
  const options = {
    level,
    base: null, // no process id and host name on every line
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const sink = pino(options, destination ?? (shared ??= standardOutput()));

  function logWith(bound: Record<string, unknown>): Log {
    const at =
      (method: "debug" | "info" | "warn" | "error") =>
      (event: string, fields: LogFields = {}): void => {
        if (!sink.isLevelEnabled(method)) return;
        sink[method]({ event: shaped("word", event), ...ofRequest(), ...bound, ...listed(fields) });
      };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => logWith({ ...bound, ...listed(fields) }),
    };
  }
  return logWith({});
}

/** A process has one standard output, however many logs. */
let shared: DestinationStream | null = null;

/**
 * What is logged in one turn of the event loop is written at its end, in one piece: requests that share a commit end together,
 * and a system call for each of their lines was a good part of what they cost. However the process ends itself, all is written;
 * killed, it loses the lines of one turn at most.
 */
function standardOutput(): DestinationStream {
  const out = pino.destination({ dest: 1, sync: true, minLength: LONGEST_PIECE });
  let isDue = false;
  const flush = () => {
    isDue = false;
    out.flushSync();
  };
  process.once("exit", flush);
  return {
    write(line) {
      out.write(line);
      if (isDue) return;
      isDue = true;
      setImmediate(flush);
    },
  };
}

const LONGEST_PIECE = 15 * 1024;

/** The request that the line is about, unless the line says so itself. */
function ofRequest(): { requestId?: string | number | null } {
  const requestId = currentRequestId();
  return requestId === null ? {} : { requestId: shaped("id", requestId) };
}

const shapes: Record<Exclude<LogFieldShape, "number" | "origin">, RegExp> = {
  // Ours: a prefix and a random part; or a UUID, with hyphens or (the id of a trace) without; or the built-in inbox. A visitor's own words, numbers and addresses are not.
  id: /^(?:[a-z]{2,12}_[\w-]{1,64}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{32}|inbox)$/i,
  // Ids and words of ours, joined.
  lane: /^(?:[a-z]{2,12}|[a-z]{2,12}_[\w-]{1,64})(?:[:/|](?:[a-z]{2,12}|[a-z]{2,12}_[\w-]{1,64})){0,3}$/,
  word: /^[a-z][\w.-]{0,63}$/i,
  // The pattern of a route, `/v1/handoffs/{id}`, not the path of a request: no part of it looks like an id.
  route: /^(?:\/(?:[a-z][a-z\d.-]{0,31}|[{:][\w-]{1,31}\}?))*\/?$/i,
};

function listed(fields: LogFields): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  try {
    for (const [name, shape] of Object.entries(logFields)) {
      const value: unknown = fields[name as keyof typeof logFields];
      if (value !== undefined) kept[name] = shaped(shape, value);
    }
    if (fields.error !== undefined) kept["error"] = reduced(fields.error);
  } catch {
    kept["unreadable"] = true; // a field that throws when read: the event still counts
  }
  return kept;
}

function shaped(shape: LogFieldShape, value: unknown): string | number | null {
  if (value === null) return null;
  if (shape === "number") return typeof value === "number" && Number.isFinite(value) ? value : withheld;
  if (shape === "word" && typeof value === "number" && Math.abs(value) < 1000) return value; // a status may be a number
  if (typeof value !== "string") return withheld;
  if (shape === "origin") return originOf(value);
  return shapes[shape].test(value) ? value : withheld;
}

function originOf(value: string): string {
  const url = URL.parse(value);
  return url && (url.protocol === "https:" || url.protocol === "http:") ? url.origin : withheld;
}

const deepestCause = 3;
const mostFrames = 12;
const longestMessage = 1000;

/** An error without what it may quote: its message is kept only when Baton worded it, and so is nothing else it carries. */
function reduced(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const { code, cause } = error as Error & { code?: unknown };
  return {
    name: shaped("word", error.name),
    ...(code === undefined ? {} : { code: shaped("word", code) }),
    ...(error instanceof BatonError ? { message: plain(error.message) } : {}),
    ...(depth === 0 ? { stack: frames(error) } : {}),
    ...(cause === undefined || depth === deepestCause ? {} : { cause: reduced(cause, depth + 1) }),
  };
}

// Line ends, terminal commands and text that runs the other way could make a line look like something else.
function plain(message: string): string {
  return message.slice(0, longestMessage).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

// A stack begins with the message, which may have lines that look like frames: it is cut off whole before they are picked.
function frames(error: Error): string[] {
  const stack = typeof error.stack === "string" ? error.stack : "";
  const at = error.message === "" ? -1 : stack.indexOf(error.message);
  if (error.message !== "" && at === -1) return []; // the message was changed since: what the stack quotes is unknown
  return stack
    .slice(at === -1 ? 0 : at + error.message.length)
    .split("\n")
    .filter((line) => /^ {4}at [^\n]{1,300}:\d+:\d+\)?$/.test(line))
    .slice(0, mostFrames)
    .map((line) => line.trim());
}
