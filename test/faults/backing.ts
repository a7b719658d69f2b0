import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./sides.ts";

const run = promisify(execFile);
const LATEST_START_MS = 30_000;

/** Something that Baton stands on, of our own, so that it can be taken away. */
export interface Backing {
  readonly url: string;
  /** It dies without a word and comes back after `ms`. */
  crash(ms: number): Promise<void>;
  stop(): Promise<void>;
}

async function listening(port: number): Promise<void> {
  for (const until = performance.now() + LATEST_START_MS; performance.now() < until; await pause(50)) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
  }
  throw new Error(`nothing listens on port ${port} after ${LATEST_START_MS} ms`);
}

/** A Redis that keeps nothing on disk: after a crash it is empty. */
export async function startRedis(): Promise<Backing & { flush(): Promise<void> }> {
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    const child = spawn("redis-server", options, { stdio: "ignore" });
    child.on("error", () => undefined);
    await listening(port);
    return child;
  };
  let server = await start();
  const end = async () => {
    const ended = once(server, "close");
    server.kill("SIGKILL");
    await ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    async crash(ms) {
      await end();
      await pause(ms);
      server = await start();
    },
    async flush() {
      await run("redis-cli", ["-p", String(port), "FLUSHALL"]);
    },
    stop: end,
  };
}

/** Where Debian and others keep PostgreSQL's own programs; null where there are none. */
export const postgresPrograms = (): string | null =>
  globSync("/usr/lib/postgresql/*/bin/initdb").toSorted().at(-1)?.slice(0, -"/initdb".length) ?? null;

export const hasPostgres = (): boolean => postgresPrograms() !== null;
export const hasRedis = (): boolean =>
  (process.env["PATH"] ?? "").split(":").some((directory) => existsSync(join(directory, "redis-server")));

/** A PostgreSQL cluster in a directory that must not exist yet. It refuses to run as root, so there it runs as `postgres`. */
export async function startPostgres(directory: string): Promise<Backing> {
  const programs = postgresPrograms();
  if (programs === null)
    throw new Error("PostgreSQL is not installed here: initdb was not found under /usr/lib/postgresql");
  const isRoot = process.getuid?.() === 0;
  const as = (file: string, ...given: string[]) =>
    isRoot
      ? run("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", join(programs, file), ...given])
      : run(join(programs, file), given);
  mkdirSync(directory, { recursive: true });
  if (isRoot) await run("chown", ["postgres", directory]);
  chmodSync(directory, 0o700);
  const data = join(directory, "cluster");
  await as("initdb", "-D", data, "-U", "baton", "-A", "trust", "-E", "UTF8", "--no-sync");
  const port = await freePort();
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${directory} -c max_connections=60`;
  const start = () => as("pg_ctl", "-D", data, "-w", "-t", "30", "-l", join(directory, "log"), "-o", settings, "start");
  const end = () => as("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop");
  await start();
  await as("createdb", "-h", "127.0.0.1", "-p", String(port), "-U", "baton", "baton");
  return {
    url: `postgres://baton@127.0.0.1:${port}/baton`,
    async crash(ms) {
      await end();
      await pause(ms);
      await start();
    },
    async stop() {
      await end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A small disk that can be filled to the last byte. */
export interface SmallDisk {
  readonly path: string;
  fill(): void;
  free(): void;
  release(): Promise<void>;
}

const DISK_MEGABYTES = 256;

/** A file system of its own in memory; null where this user may not mount one. */
export async function mountSmallDisk(path: string): Promise<SmallDisk | null> {
  mkdirSync(path, { recursive: true });
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${DISK_MEGABYTES}m,mode=0700`, "tmpfs", path]);
  } catch {
    return null;
  }
  const ballast = join(path, "ballast");
  return {
    path,
    fill() {
      const file = openSync(ballast, "w");
      const chunk = Buffer.alloc(64 * 1024);
      try {
        for (let left = statfsSync(path).bfree + 1_000; left > 0; left -= 1) writeSync(file, chunk);
      } catch {
        // Full: that was to be.
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    async release() {
      await run("umount", ["-l", path]);
    },
  };
}
