import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A PostgreSQL of a test's own, which it may restart and crash. */
export interface OwnServer {
  readonly url: string;
  /** `immediate` is a crash: nothing is written down, and the next start recovers from the log. */
  stop(how: "fast" | "immediate"): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const run = promisify(execFile);

/** Where Debian keeps the newest PostgreSQL's programs; null where there are none. */
export function serverPrograms(): string | null {
  const versions = listed("/usr/lib/postgresql").toSorted((a, b) => Number(b) - Number(a));
  const found = versions.find((one) => listed(`/usr/lib/postgresql/${one}/bin`).includes("initdb"));
  return found === undefined ? null : `/usr/lib/postgresql/${found}/bin`;
}

const listed = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

/** @param settings lines of postgresql.conf, such as `fsync=off` */
export async function startServer(programs: string, settings: readonly string[] = []): Promise<OwnServer> {
  const directory = mkdtempSync(join(tmpdir(), "baton-postgres-"));
  chmodSync(directory, 0o777);
  const data = join(directory, "data");
  const port = await freePort();
  await asPostgres(`${programs}/initdb`, [
    "-D",
    data,
    "-U",
    "baton",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
  ]);
  const options = [
    `-p ${port}`,
    `-k ${directory}`,
    "-h 127.0.0.1",
    "-c shared_buffers=16MB",
    ...settings.map((one) => `-c ${one}`),
  ];
  const control = (...args: string[]) => asPostgres(`${programs}/pg_ctl`, ["-D", data, "-w", "-t", "60", ...args]);
  const start = async () => {
    await control("-l", join(directory, "log"), "-o", options.join(" "), "start");
  };
  await start();
  return {
    url: `postgres://baton@127.0.0.1:${port}/postgres`,
    start,
    async stop(how) {
      await control("-m", how, "stop");
    },
    async remove() {
      await control("-m", "immediate", "stop").catch(() => undefined);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to be run by root. */
async function asPostgres(program: string, args: readonly string[]): Promise<void> {
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
  if (process.getuid?.() === 0)
    await run("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, ...args], {
      env,
      cwd: "/",
    });
  else await run(program, [...args], { env, cwd: "/" });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
