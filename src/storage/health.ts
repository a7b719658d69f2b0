import { statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { StoreHealth } from "../ports-store.ts";

const UNKNOWN = "unknown";

/** How a SQLite store's file is. */
export async function healthOf(file: string, withinMs: number): Promise<StoreHealth> {
  const damage = await quickCheck(file, withinMs);
  return { damage, dataBytes: sizeOf(file), logBytes: sizeOf(`${file}-wal`) };
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function quickCheck(file: string, withinMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL("quick-check.ts", import.meta.url), { workerData: file });
    const timer = setTimeout(() => end(UNKNOWN), withinMs);
    function end(told: string | null): void {
      clearTimeout(timer);
      resolve(told);
      void worker.terminate();
    }
    worker.once("message", (told: unknown) => end(told === "ok" ? null : String(told)));
    // SQLite gives up on a file whose first page is damaged already.
    worker.once("error", (error) => end(codeOf(error)));
    worker.once("exit", () => end(UNKNOWN));
  });
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "it cannot be read";
