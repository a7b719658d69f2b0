import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FirstRun } from "../../src/first-run.ts";
import { readServerFile } from "../../src/server-file.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const LOOK_EVERY_MS = 5;
const LATEST_START_MS = 30_000;

/** The program as it is run by its users: a process of its own, known by its port, its exit and what it says. */
export interface Program {
  readonly pid: number;
  readonly url: string;
  /** From the start of the process to the first answer on /healthz. */
  readonly startedInMs: number;
  /** How it ended, once it has. */
  readonly ended: Promise<Ending>;
  isRunning(): boolean;
  /** What it wrote to standard error. */
  said(): string;
  /** Its own log lines, as they were written to standard output. */
  logged(): string;
  signal(name: NodeJS.Signals): void;
  /** Sends the signal and waits for the end; after 15 seconds it is killed. */
  end(name: NodeJS.Signals): Promise<Ending>;
  residentBytes(): number;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  readonly dataDir: string;
  /** 0: the system chooses. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** For Node itself, such as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
}

/**
 * Starts the program on a data directory, with outgoing requests to loopback allowed, and waits until it answers.
 *
 * @throws Error with what the program said, when it ends before it answers
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...(options.nodeArguments ?? []), MAIN], {
    // Nothing else of ours: a test runner sets variables of its own (BASE_URL among them), and a developer has settings.
    env: {
      PATH: process.env["PATH"] ?? "",
      PORT: String(options.port ?? 0),
      HOST: "127.0.0.1",
      DATA_DIR: options.dataDir,
      ALLOW_PRIVATE_NETWORK: "127.0.0.0/8,::1/128",
      LOG_LEVEL: "warn",
      RATE_LIMIT: "off",
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  let lines = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => (lines += text));
  let isRunning = true;
  const ended = once(child, "close").then(([code, signal]): Ending => {
    isRunning = false;
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error("the program could not be started");

  const port = await serving(options.dataDir, { pid, isRunning: () => isRunning, said: () => errors });
  const startedInMs = performance.now() - startedAt;
  return {
    pid,
    url: `http://127.0.0.1:${port}`,
    startedInMs,
    ended,
    isRunning: () => isRunning,
    said: () => errors,
    logged: () => lines,
    signal: (name) => void child.kill(name),
    async end(name) {
      child.kill(name);
      const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
      const ending = await ended;
      clearTimeout(late);
      return ending;
    },
    residentBytes: () => residentBytes(pid),
  };
}

/** The tokens that the first start leaves for scripts, moments after it answers. */
export async function firstRunOf(dataDir: string): Promise<FirstRun> {
  for (const until = performance.now() + LATEST_START_MS; performance.now() < until; await pause(LOOK_EVERY_MS)) {
    const path = `${dataDir}/first-run.json`;
    if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as FirstRun;
  }
  throw new Error("no first-run.json was written");
}

async function serving(
  dataDir: string,
  process: { pid: number; isRunning: () => boolean; said: () => string },
): Promise<number> {
  for (const until = performance.now() + LATEST_START_MS; performance.now() < until; await pause(LOOK_EVERY_MS)) {
    if (!process.isRunning()) throw new Error(`the program ended before it answered:\n${process.said()}`);
    const found = readServerFile(dataDir);
    // Another process may have left the file behind.
    if (found?.pid !== process.pid) continue;
    const answer = await fetch(`http://127.0.0.1:${found.port}/healthz`).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return found.port;
  }
  throw new Error(`the program did not answer within ${LATEST_START_MS} ms:\n${process.said()}`);
}

/** NaN where the system has no /proc: the number is for the bench only. */
function residentBytes(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kib ?? Number.NaN) * 1024;
  } catch {
    return Number.NaN;
  }
}
