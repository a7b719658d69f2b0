import type { CheckReport, Outgoing } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import type { Diagnosis } from "../../ports-doctor.ts";
import { checkStored } from "./connection-check.ts";
import type { AdminDeps } from "./deps.ts";

/** What the doctor finds out by asking a helpdesk. */

const CHECK_WITHIN_MS = 30_000;
const ASK_WITHIN_MS = 5_000;
/** Signatures are refused from five minutes on, and messages are put in order by their times before that. */
const SKEW_MS = 60_000;

/** The connection's own check, each finding as it is told there. */
export async function diagnoseConnection(deps: AdminDeps, connection: Connection): Promise<Diagnosis[]> {
  const report = await Promise.race([checkStored(deps, connection), tooLate()]);
  return report.findings.map(({ step, ok, message, fix }) => ({
    area: "connection",
    step,
    state: ok ? "ok" : "wrong",
    message,
    fix: ok ? null : fix,
  }));
}

async function tooLate(): Promise<CheckReport> {
  await new Promise<void>((resolve) => void setTimeout(resolve, CHECK_WITHIN_MS).unref());
  const fix = "See whether the helpdesk is slow for its agents too, then ask again.";
  return { ok: false, findings: [{ step: "reach", ok: false, message: "The check took too long.", fix }], about: {} };
}

/** Our clock beside that of the helpdesk's server; nothing where it tells no time, or does not answer. */
export async function diagnoseClock(deps: AdminDeps, connection: Connection): Promise<Diagnosis[]> {
  const hostField = deps.factories.get(connection.type)?.hostFields[0];
  const url = connection.config[hostField ?? ""];
  if (typeof url !== "string") return [];
  const theirs = await timeAt(deps.outgoing, url);
  if (theirs === null) return [];
  const skew = Math.abs(deps.clock().getTime() - theirs);
  const host = new URL(url).host;
  const base = { area: "clock", step: "skew" } as const;
  if (skew < SKEW_MS) return [{ ...base, state: "ok", message: `The clock agrees with that of ${host}.`, fix: null }];
  const message = `The clock of this machine and that of ${host} are ${Math.round(skew / 1000)} seconds apart.`;
  const fix = "Let both be set by time servers (NTP): webhooks are refused where they are five minutes apart.";
  return [{ ...base, state: "wrong", message, fix }];
}

/** In milliseconds, to the second. */
async function timeAt(outgoing: Outgoing, url: string): Promise<number | null> {
  try {
    const { headers } = await outgoing.request({ method: "HEAD", url, timeoutMs: ASK_WITHIN_MS });
    const time = Date.parse(headers["date"] ?? "");
    return Number.isNaN(time) ? null : time;
  } catch {
    return null;
  }
}
