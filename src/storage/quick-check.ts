import { parentPort, workerData } from "node:worker_threads";
import BetterSqlite from "better-sqlite3";

/**
 * A thread of its own: reading a whole database takes seconds, in which nobody else may wait. Tells what SQLite found, at most
 * five lines of it, or "ok".
 */
const db = new BetterSqlite(String(workerData), { readonly: true });
try {
  // A rule for windows; a thread has no origin.
  // eslint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(db.prepare("PRAGMA quick_check(5)").pluck().all().join("; "));
} finally {
  db.close();
}
