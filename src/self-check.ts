import { lookup } from "node:dns/promises";
import { statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { isIP } from "node:net";
import type { Config } from "./config.ts";
import { DeliveryError } from "./domain/delivery.ts";
import { bare, createAddressFilter } from "./outgoing/addresses.ts";
import type { Mailer, Store } from "./ports.ts";
import type { Diagnosis } from "./ports-doctor.ts";
import { checkRedis } from "./redis/check.ts";
import type { RedisLink } from "./redis/link.ts";

/** What the checks of this server are made from. */
export interface SelfCheckDeps {
  readonly config: Config;
  readonly store: Store;
  readonly mailer: Mailer | null;
  /** Null without REDIS_URL. */
  readonly link: RedisLink | null;
}

const MIB = 1024 * 1024;
const LOW_DISK_BYTES = 256 * MIB;
const SCARCE_DISK_BYTES = 1024 * MIB;
/** Sixteen times what is moved into the data at once: somebody keeps it from being moved. */
const LONG_LOG_BYTES = 256 * MIB;
const REACH_WITHIN_MS = 5_000;
const READ_WITHIN_MS = 20_000;

/** How this server itself is: its settings, its directory and its store. Never rejects. */
export async function checkServer(deps: SelfCheckDeps): Promise<readonly Diagnosis[]> {
  const { config } = deps;
  const [reach, address, disk, mail, store, redis] = await Promise.all([
    checkReach(config),
    checkPublic(config),
    checkDisk(config),
    checkMail(deps),
    config.database.kind === "postgres" ? checkPostgres(deps.store) : checkStore(deps.store),
    checkRedis({ link: deps.link, database: config.database.kind }),
  ]);
  return [reach, address, ...checkSecret(config), ...checkDirectory(config), ...disk, mail, ...store, ...redis];
}

const ok = (area: string, step: string, message: string): Diagnosis => ({
  area,
  step,
  state: "ok",
  message,
  fix: null,
});
const note = (area: string, step: string, message: string, fix: string | null): Diagnosis => ({
  ...ok(area, step, message),
  state: "note",
  fix,
});
const wrong = (area: string, step: string, message: string, fix: string): Diagnosis => ({
  ...ok(area, step, message),
  state: "wrong",
  fix,
});

const SETTINGS = "settings";

async function checkReach({ baseUrl }: Config): Promise<Diagnosis> {
  try {
    const signal = AbortSignal.timeout(REACH_WITHIN_MS);
    const response = await fetch(`${baseUrl}/healthz`, { signal, redirect: "manual" });
    const told: unknown = await response.json().catch(() => null);
    if (response.ok && JSON.stringify(told) === '{"status":"ok"}')
      return ok(SETTINGS, "base_url", `Baton answers at ${baseUrl}.`);
    return wrong(
      SETTINGS,
      "base_url",
      `Something else than Baton answers at BASE_URL, ${baseUrl} (HTTP ${response.status}).`,
      "Set BASE_URL to the address that leads to this server, or correct the proxy in front of it.",
    );
  } catch {
    return wrong(
      SETTINGS,
      "base_url",
      `Nothing answers at BASE_URL, ${baseUrl}, when asked from this machine.`,
      "Start the server, and set BASE_URL to the address by which helpdesks and browsers reach it. Where only this machine " +
        "cannot reach it (some routers do not lead back in), ask from another one.",
    );
  }
}

async function checkPublic({ baseUrl }: Config): Promise<Diagnosis> {
  const url = new URL(baseUrl);
  const host = bare(url.hostname);
  const isPrivate = await leadsInside(host);
  if (isPrivate)
    return note(
      SETTINGS,
      "base_url_public",
      `BASE_URL leads to a private address (${host}): helpdesks and visitors outside this network do not reach Baton.`,
      "Fine for trying out, or where the helpdesk stands in the same network; Chatwoot 4.14 and later must be told to allow " +
        "it. Else set BASE_URL to a public address.",
    );
  if (url.protocol === "http:")
    return wrong(
      SETTINGS,
      "base_url_public",
      "BASE_URL begins with http://: tokens and what visitors write travel in the clear.",
      "Put a proxy with a certificate in front, and set BASE_URL to its https:// address.",
    );
  return ok(SETTINGS, "base_url_public", "BASE_URL is a public https address.");
}

/** By any of its addresses; a name without one is not known to be private. */
async function leadsInside(host: string): Promise<boolean> {
  const filter = createAddressFilter([]);
  if (filter.host(host) !== null) return true;
  if (isIP(host) !== 0) return false;
  const addresses = await lookup(host, { all: true }).catch(() => []);
  return addresses.some(({ address }) => filter.address(address) !== null);
}

function checkSecret({ secrets, warnings }: Config): Diagnosis[] {
  const weak = warnings.filter((warning) => warning.startsWith("BATON_SECRET:"));
  const others = warnings.filter((warning) => !weak.includes(warning));
  const where = secrets.length > 0 ? "BATON_SECRET is set" : "The master secret is kept in the data directory";
  return [
    weak.length === 0
      ? ok(SETTINGS, "secret", `${where}, and strong enough.`)
      : wrong(
          SETTINGS,
          "secret",
          "BATON_SECRET looks like a sample or is easy to guess.",
          "Make one with `openssl rand -base64 48`, and set BATON_SECRET=new,old while both are needed.",
        ),
    ...others.map((warning) => note(SETTINGS, "environment", `${warning}.`, "Take it out, or correct its name.")),
  ];
}

function checkDirectory({ dataDir }: Config): Diagnosis[] {
  if (process.platform === "win32") return [];
  const open = ["", "baton.db", "secret"]
    .map((name) => (name === "" ? dataDir : `${dataDir}/${name}`))
    .filter((path) => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0);
  if (open.length === 0) return [ok(SETTINGS, "data_dir", `${dataDir} is closed to other users.`)];
  const fix = `Close it: chmod -R go= ${dataDir}. Whoever could read it may know the secrets.`;
  return [wrong(SETTINGS, "data_dir", `Other users of this machine can get at ${open.join(", ")}.`, fix)];
}

async function checkDisk({ dataDir, database }: Config): Promise<Diagnosis[]> {
  // The data are on PostgreSQL's disk, which is its own to watch.
  if (database.kind === "postgres") return [];
  const disk = await statfs(dataDir).catch(() => null);
  if (disk === null) return [];
  const free = disk.bavail * disk.bsize;
  const told = `${Math.floor(free / MIB)} MiB are free where the data are.`;
  if (free < LOW_DISK_BYTES)
    return [wrong(SETTINGS, "disk", told, "Make room at once: with a full disk nothing is taken.")];
  if (free < SCARCE_DISK_BYTES) return [note(SETTINGS, "disk", told, "Make room before it is full.")];
  return [ok(SETTINGS, "disk", told)];
}

async function checkMail({ mailer }: SelfCheckDeps): Promise<Diagnosis> {
  if (mailer === null)
    return note(
      SETTINGS,
      "mail",
      "No mail is sent: SMTP_URL is not set.",
      "Set it, so that leads reach people by mail.",
    );
  try {
    await mailer.check?.();
    return ok(SETTINGS, "mail", "The mail server takes mail.");
  } catch (error) {
    const why = error instanceof DeliveryError ? error.message : "The mail server does not answer as one.";
    return wrong(SETTINGS, "mail", why, "Correct SMTP_URL, or look after the mail server.");
  }
}

async function checkPostgres(store: Store): Promise<Diagnosis[]> {
  try {
    const { dataBytes } = await store.health(READ_WITHIN_MS);
    return [
      ok(
        "store",
        "integrity",
        `PostgreSQL answers, durable by its settings: ${Math.ceil(dataBytes / MIB)} MiB of data. Whether they are whole is its own to ` +
          "know (data checksums, pg_amcheck).",
      ),
    ];
  } catch {
    const fix =
      "Start PostgreSQL, or correct DATABASE_URL. Until then nothing is taken, and everybody is told to come again.";
    return [wrong("store", "integrity", "PostgreSQL does not answer.", fix)];
  }
}

async function checkStore(store: Store): Promise<Diagnosis[]> {
  const { damage, dataBytes, logBytes } = await store.health(READ_WITHIN_MS);
  const sizes = `${Math.ceil(dataBytes / MIB)} MiB of data, ${Math.ceil(logBytes / MIB)} MiB of log`;
  return [
    damage === null
      ? ok("store", "integrity", `The database is whole: ${sizes}.`)
      : damage === "unknown"
        ? note("store", "integrity", `The database is too large to be read through in time: ${sizes}.`, null)
        : wrong("store", "integrity", `The database is damaged: ${damage}.`, "Stop the server, and restore a backup."),
    logBytes < LONG_LOG_BYTES
      ? ok("store", "log", "What is written gets into the database.")
      : wrong(
          "store",
          "log",
          `${Math.ceil(logBytes / MIB)} MiB of what was written has not got into the database yet.`,
          "Another program keeps the database open for reading: end it. Else restart the server.",
        ),
  ];
}
