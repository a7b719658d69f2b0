import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import type { FirstRun } from "../../src/first-run.ts";
import { firstRunOf, startProgram } from "../faults/program.ts";
import type { Program } from "../faults/program.ts";

/** One data directory, and the program that runs on it now. */
export interface Installation {
  readonly first: FirstRun;
  readonly file: string;
  readonly program: () => Program;
  call(method: string, path: string, body?: unknown, token?: string): Promise<Record<string, unknown>>;
  settings(patch: Readonly<Record<string, unknown>>): Promise<void>;
  /** An agent who is at Baton's own inbox for the rest of the day. */
  bringAgentOnline(): Promise<void>;
  /** Handoffs on disk, as another process reads them. */
  countHandoffs(): number;
  start(): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export async function install(): Promise<Installation> {
  const dataDir = mkdtempSync(join(tmpdir(), "baton-bench-"));
  let program = await startProgram({ dataDir });
  const first = await firstRunOf(dataDir);
  const file = join(dataDir, "baton.db");

  const installation: Installation = {
    first,
    file,
    program: () => program,
    async call(method, path, body, token = first.adminToken) {
      const answer = await fetch(program.url + path, {
        method,
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return JSON.parse(text) as Record<string, unknown>;
    },
    async settings(patch) {
      await installation.call("PATCH", `/v1/bots/${first.botId}`, { settings: patch });
    },
    async bringAgentOnline() {
      const { id } = await installation.call("POST", "/v1/members", { name: "Alex", role: "agent" });
      await installation.call("PUT", `/v1/members/${String(id)}/presence`, { status: "online", forSeconds: 86_400 });
    },
    countHandoffs() {
      const db = new BetterSqlite(file, { readonly: true });
      const count = db.prepare("select count(*) from handoffs").pluck().get() as number;
      db.close();
      return count;
    },
    async start() {
      program = await startProgram({ dataDir });
    },
    async stop() {
      if (program.isRunning()) await program.end("SIGTERM");
    },
    async remove() {
      await installation.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return installation;
}
