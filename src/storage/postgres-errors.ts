import { BatonError, HandoffError } from "../domain/errors.ts";

/** The database cannot be used; the message says what to do. Never holds the URL, which may have a password in it. */
export class DatabaseError extends BatonError {
  override readonly name = "DatabaseError";
  readonly code: "database_unusable" | "database_not_durable" | "database_newer" | "database_secret";

  constructor(code: DatabaseError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

/** As the driver words it. */
const SILENT = "Query read timeout";
export const silent = (): Error => new Error(SILENT);

/** What the driver says by its message alone when a connection broke, hung or was never made. */
const BROKEN_WORDS =
  /^(?:Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Cannot use a pool after)/;
const BROKEN_SOCKET = /^(?:ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOST|ENET|EADDRNOTAVAIL|ENOENT|EACCES)/;
/** SQLSTATE: connection failures, the server going down or coming up, all of its connections taken. */
const BROKEN_STATE = /^(?:08...|57P0[1-5]|53300|25P03|25P04)$/;

/** The connection is gone, or there was none: whatever was being done has to be begun anew. */
export function isBroken(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isBroken);
  const code = codeOf(error);
  if (BROKEN_SOCKET.test(code) || BROKEN_STATE.test(code)) return true;
  return error instanceof Error && code === "" && BROKEN_WORDS.test(error.message);
}

/**
 * Another unit was faster: the whole unit is begun anew, and sees what that one did. A unique value that is there already is
 * among them, since on this database units that look for something and make it run beside each other.
 */
export const isConflict = (error: unknown): boolean => /^(?:40001|40P01|23505)$/.test(codeOf(error));

/** Faults of the database itself become an answer that says: try again. The rest is told as it is. */
export function asStorageError(error: unknown): unknown {
  const code = codeOf(error);
  if (code === "55P03") return busy(error);
  if (isBroken(error)) return away(error);
  // Full disk, no memory, statements that take too long, input/output, a standby, damage.
  return /^(?:53...|54...|57014|58...|25006|40001|40P01|XX...)$/.test(code) ? away(error) : error;
}

export const away = (cause: unknown): HandoffError =>
  new HandoffError("storage_unavailable", "The database did not answer; nothing of the request was stored", {
    cause,
    retryAfterSeconds: 2,
  });

export const busy = (cause?: unknown): HandoffError =>
  new HandoffError("overloaded", "Too much waits to be stored", { cause, retryAfterSeconds: 1 });

/** The connection broke in the moment of the commit, and nobody could be asked in time what became of it. */
export const outcomeOpen = (cause: unknown): HandoffError =>
  new HandoffError(
    "storage_unavailable",
    "The database went away while the request was being stored; it may have been stored. Look first, or repeat it with the " +
      "same Idempotency-Key",
    { cause, retryAfterSeconds: 2 },
  );

/** Why the first connection could not be made, for whoever starts the server. */
export function startingError(error: unknown): unknown {
  const code = codeOf(error instanceof AggregateError ? error.errors[0] : error);
  const words = STARTING[code];
  if (words !== undefined) return new DatabaseError("database_unusable", words);
  if (!isBroken(error)) return error;
  return new DatabaseError(
    "database_unusable",
    `PostgreSQL cannot be reached (${code || "no answer"}). Start it, or correct host and port in DATABASE_URL.`,
  );
}

const STARTING: Readonly<Record<string, string>> = {
  "28P01": "PostgreSQL refuses the password in DATABASE_URL.",
  "28000": "PostgreSQL does not let this user in: see pg_hba.conf, and the user in DATABASE_URL.",
  "3D000": "The database named in DATABASE_URL does not exist: make it (createdb) and start again.",
  "42501": "The user in DATABASE_URL may not make tables there: give it the database, or CREATE on its schema.",
  "53300": "PostgreSQL has no connection left: raise max_connections, or stop what holds them.",
};
