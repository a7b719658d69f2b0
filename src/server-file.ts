import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Where a running server is found by the command line on the same data directory. */
const ServerFile = z.strictObject({ pid: z.int(), port: z.int() });
export type ServerFile = z.infer<typeof ServerFile>;

const FILE = "server.json";

export function writeServerFile(dataDir: string, where: ServerFile): void {
  const path = join(dataDir, FILE);
  writeFileSync(`${path}.new`, JSON.stringify(where), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Null when no server has ever been started here. */
export function readServerFile(dataDir: string): ServerFile | null {
  try {
    return ServerFile.parse(JSON.parse(readFileSync(join(dataDir, FILE), "utf8")));
  } catch {
    return null;
  }
}
