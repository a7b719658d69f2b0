import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The Redis that tests share: each keeps to keys of its own, and nobody empties it. */
export const REDIS_URL = "redis://127.0.0.1:6379/5";

/**
 * Whether tests that need Redis can run here: a server on 127.0.0.1:6379, and `redis-server` on the path for those that kill
 * one. Says so once when they cannot; with CI=true its absence is a failure.
 */
export async function hasRedis(): Promise<boolean> {
  if ((await answers(6379)) && (await isOnPath())) return true;
  const message =
    "Redis is not here: its tests are skipped. Start a server on 127.0.0.1:6379, and have redis-server on the path.";
  if (process.env["CI"] === "true") throw new Error(message);
  console.warn(message);
  return false;
}

export interface OwnRedis {
  readonly url: string;
  readonly port: number;
  /** Ends it without a word, as when its machine dies. What was in it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Takes connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** A server of the test's own on a free port, with a password, keeping nothing on disk. */
export async function startRedis({ password = "a-test-password" } = {}): Promise<OwnRedis> {
  const directory = mkdtempSync(join(tmpdir(), "baton-redis-"));
  const port = await freePort();
  let child: ReturnType<typeof spawn> | null = null;
  let ended: Promise<unknown> = Promise.resolve();

  async function start(): Promise<void> {
    const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    child = spawn("redis-server", [...settings, "--requirepass", password], { cwd: directory, stdio: "ignore" });
    ended = new Promise((resolve) => child?.once("exit", resolve));
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  async function kill(): Promise<void> {
    child?.kill("SIGKILL");
    await ended;
  }
  await start();
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    port,
    kill,
    start,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async stop() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: 2_000 });
    const end = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", () => end(true));
    socket.once("error", () => end(false)).once("timeout", () => end(false));
  });
}

function isOnPath(): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn("redis-server", ["--version"], { stdio: "ignore" });
    child.once("error", () => resolve(false)).once("exit", (code) => resolve(code === 0));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
