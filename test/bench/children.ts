import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A helper of the bench in a process of its own. */
export interface Child {
  /** The first line it printed. */
  readonly said: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** @param file relative to this folder */
export async function startChild(file: string, env: Readonly<Record<string, string>> = {}): Promise<Child> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const said = await Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([line]) => String(line)),
    ended.then(() => null),
  ]);
  if (said === null) throw new Error(`${file} ended before it was ready`);
  return {
    said,
    pid: child.pid ?? Number.NaN,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(late);
    },
  };
}
