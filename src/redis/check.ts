import type { Diagnosis } from "../ports-doctor.ts";
import type { RedisLink } from "./link.ts";

/** The oldest that is looked after by its makers, or was until lately; older ones work as far as is known. */
const OLDEST_MAJOR = 6;

/** How Redis is, for the operator. Nothing of its address is told, which may hold a password. Never rejects. */
export async function checkRedis(given: {
  link: RedisLink | null;
  database: "sqlite" | "postgres";
}): Promise<readonly Diagnosis[]> {
  const { link, database } = given;
  if (link === null) return database === "sqlite" ? [] : [alone];
  const info = await link.ask((redis) => redis.info()).catch(() => null);
  if (info === null) return [away];
  const version = fieldOf(info, "redis_version") ?? "of an unknown version";
  const isOld = Number.parseInt(version, 10) < OLDEST_MAJOR;
  return [
    isOld
      ? finding("reach", "note", `Redis ${version} answers, and is old.`, `Use Redis ${OLDEST_MAJOR} or later.`)
      : finding("reach", "ok", `Redis ${version} answers.`, null),
    evictionOf(info),
    ...(database === "sqlite" ? [onlyOne] : []),
  ];
}

function finding(step: string, state: Diagnosis["state"], message: string, fix: string | null): Diagnosis {
  return { area: "redis", step, state, message, fix };
}

const alone = finding(
  "reach",
  "note",
  "REDIS_URL is not set: should several processes share the database, each hears of the others' news within a second, and " +
    "counts its limits for itself.",
  "Fine for one process. For several, set REDIS_URL in all of them.",
);
const away = finding(
  "reach",
  "wrong",
  "Redis does not answer. Nothing is lost and all work goes on, a little slower between processes, with limits counted by each.",
  "Start Redis, or correct REDIS_URL (redis://:password@host:6379/0, or rediss:// for TLS). Nothing needs a restart when it is back.",
);
const onlyOne = finding(
  "processes",
  "note",
  "REDIS_URL is set, but the data are in SQLite, which serves one process.",
  "For several processes set DATABASE_URL to a PostgreSQL in all of them.",
);

function evictionOf(info: string): Diagnosis {
  const policy = fieldOf(info, "maxmemory_policy") ?? "unknown";
  const isBounded = fieldOf(info, "maxmemory") !== "0";
  if (policy === "noeviction") return finding("eviction", "ok", "Redis throws nothing away for want of memory.", null);
  return finding(
    "eviction",
    "note",
    `Redis ${isBounded ? "throws keys away" : "would throw keys away, once its memory is bounded,"} by the policy ${policy}: ` +
      "wake-ups may get lost, which costs a second each, and limits may be forgotten.",
    "Set maxmemory-policy to noeviction.",
  );
}

/** A field of what INFO says. */
function fieldOf(info: string, name: string): string | null {
  const line = info.split(/\r?\n/).find((one) => one.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? null;
}
