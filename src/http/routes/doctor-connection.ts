import type { CheckReport, Outgoing } from "../../ports.ts";
import type { Connection } from "../../ports-store.ts";
import type { Diagnosis } from "../../ports-doctor.ts";
import { checkStored } from "./connection-check.ts";
import type { AdminDeps } from "./deps.ts";

/** What the doctor finds out by asking a helpdesk. */

const CHECK_WITHIN_MS = 30_000;
/** Signatures are refused from five minutes on, and messages are put in order by their times before that. */
const SKEW_MS = 60_000;

/** The connection's own check, each finding as it is told there, and our clock beside that of the helpdesk's server. */
export async function diagnoseConnection(deps: AdminDeps, connection: Connection): Promise<Diagnosis[]> {
  const watch = watchClock(deps);
  const report = await Promise.race([checkStored({ ...deps, outgoing: watch.outgoing }, connection), tooLate()]);
  const findings = report.findings.map(({ step, ok, message, fix }): Diagnosis => {
    return { area: "connection", step, state: ok ? "ok" : "wrong", message, fix: ok ? null : fix };
  });
  return [...findings, ...clockOf(watch.skewMs())];
}

async function tooLate(): Promise<CheckReport> {
  await new Promise<void>((resolve) => void setTimeout(resolve, CHECK_WITHIN_MS).unref());
  const fix = "See whether the helpdesk is slow for its agents too, then ask again.";
  return { ok: false, findings: [{ step: "reach", ok: false, message: "The check took too long.", fix }], about: {} };
}

/** Reads the time that answers carry (HTTP `Date`) on their way to whoever asked: nothing is asked for it. */
function watchClock({ outgoing, clock }: AdminDeps): { readonly outgoing: Outgoing; skewMs(): number | null } {
  let skewMs: number | null = null;
  return {
    outgoing: {
      ...outgoing,
      async request(request) {
        const response = await outgoing.request(request);
        const theirs = Date.parse(response.headers["date"] ?? "");
        if (!Number.isNaN(theirs)) skewMs = Math.abs(clock().getTime() - theirs);
        return response;
      },
    },
    skewMs: () => skewMs,
  };
}

/** @param skewMs null where the helpdesk told no time, or did not answer */
function clockOf(skewMs: number | null): Diagnosis[] {
  if (skewMs === null) return [];
  const base = { area: "clock", step: "skew" } as const;
  if (skewMs < SKEW_MS)
    return [{ ...base, state: "ok", message: "The clock agrees with that of the helpdesk.", fix: null }];
  const message = `The clock of this machine and that of the helpdesk are ${Math.round(skewMs / 1000)} seconds apart.`;
  const fix = "Let both be set by time servers (NTP): webhooks are refused where they are five minutes apart.";
  return [{ ...base, state: "wrong", message, fix }];
}
