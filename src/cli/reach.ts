import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Config } from "../config.ts";
import { OPERATOR_SUBJECT } from "../http/principal.ts";
import { createTokens } from "../http/tokens.ts";
import { newId } from "../ids.ts";
import { createLogger } from "../logging.ts";
import { deriveKeys } from "../secrets/keys.ts";
import { loadMasterSecret } from "../secrets/master-secret.ts";
import { readServerFile } from "../server-file.ts";
import { DataDirError } from "../storage/data-dir.ts";
import { createApi } from "./api.ts";
import type { Api } from "./api.ts";
import { CliError } from "./cli-error.ts";

/** The program that a command speaks to. */
export interface Reached {
  readonly asOperator: Api;
  asAdmin(workspaceId: string): Api;
  /** It is a server that runs on, and not the program built for this one command. */
  readonly isServer: boolean;
  close(): Promise<void>;
}

/** A server that is just starting, or another command, is waited for so long. */
const PATIENCE_MS = 5_000;
const LOOK_EVERY_MS = 100;
const TOKEN_SECONDS = 300;
const STOP_WITHIN_MS = 2_000;

/**
 * The server that runs on the data directory, or else the program itself, built for this one command: it serves requests on
 * loopback and sends nothing to the outside.
 *
 * @param options.mayBegin the command makes sense where there are no data yet
 * @throws CliError, BatonError saying what to do
 */
export async function reach(config: Config, { mayBegin }: { readonly mayBegin: boolean }): Promise<Reached> {
  refuseEmptyHouses(config, mayBegin);
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const running = await runningServer(config);
    if (running !== null) return { ...speak(config, running), isServer: true, close: () => Promise.resolve() };
    try {
      return await ownProgram(config);
    } catch (error) {
      if (!(error instanceof DataDirError) || error.code !== "data_dir_in_use" || performance.now() > until)
        throw error;
    }
    await sleep(LOOK_EVERY_MS);
  }
}

function refuseEmptyHouses({ dataDir, database, secrets }: Config, mayBegin: boolean): void {
  // The database itself tells whether it can be used, and whether the secret is the one that it was filled with.
  if (database.kind === "postgres") return;
  if (!mayBegin && !existsSync(join(dataDir, "baton.db")))
    throw new CliError(`There are no data in ${dataDir}: start the server once (npm start), or set DATA_DIR.`);
  // With a new secret nothing that is stored could be opened again.
  if (secrets.length === 0 && existsSync(join(dataDir, "baton.db")) && !existsSync(join(dataDir, "secret")))
    throw new CliError(`The data in ${dataDir} were made with a BATON_SECRET: set the same one for this command.`);
}

const Holder = z.object({ pid: z.int(), host: z.string() });

/** Where the server on this data directory answers; null when none runs here. */
async function runningServer(config: Config): Promise<string | null> {
  const server = readServerFile(config.dataDir);
  const holder = readHolder(config.dataDir);
  // The file of a server that has ended stays behind, and its port may be another's by now.
  if (server === null || holder?.pid !== server.pid || holder.host !== hostname()) return null;
  const address = `http://${hostFor(config.host)}:${server.port}`;
  try {
    const { ok } = await fetch(`${address}/healthz`, { signal: AbortSignal.timeout(2_000), redirect: "error" });
    return ok ? address : null;
  } catch {
    return null;
  }
}

function readHolder(dataDir: string): z.infer<typeof Holder> | null {
  try {
    return Holder.parse(JSON.parse(readFileSync(join(dataDir, "baton.pid"), "utf8")));
  } catch {
    return null;
  }
}

/** A server that listens everywhere listens on loopback too. */
function hostFor(host: string | undefined): string {
  if (host === undefined || host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

async function ownProgram(config: Config): Promise<Reached> {
  // The whole program takes its time to load, and a command to a running server needs none of it.
  const { build } = await import("../build.ts");
  const log = createLogger({ level: "error", destination: process.stderr });
  // The base URL stays: links that a command prints lead to the server that will run.
  const own = { ...config, port: 0, host: "127.0.0.1", rateLimit: "off" } as const;
  const baton = await build(own, log, { work: false });
  const close = () => baton.stop(STOP_WITHIN_MS);
  try {
    const port = await baton.start();
    return { ...speak(config, `http://127.0.0.1:${port}`), isServer: false, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whoever can read the secret of the data directory may do everything: the tokens are made here, for minutes. */
function speak(config: Config, address: string): Pick<Reached, "asOperator" | "asAdmin"> {
  const keys = deriveKeys(loadMasterSecret(config)).tokens.map((key) => key.bytes);
  const tokens = createTokens({ keys, clock: () => new Date(), issuer: "baton" });
  const token = (scope: "operator" | "admin", workspaceId: string | null) =>
    tokens.issue({
      scope,
      workspaceId,
      subject: workspaceId ?? OPERATOR_SUBJECT,
      ttlSeconds: TOKEN_SECONDS,
      jti: newId("token"),
    });
  return {
    asOperator: createApi(address, token("operator", null)),
    asAdmin: (workspaceId) => createApi(address, token("admin", workspaceId)),
  };
}
