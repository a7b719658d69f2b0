import type { Delivery, Workspace } from "../../ports-store.ts";
import type { Diagnosis } from "../../ports-doctor.ts";
import type { AdminDeps } from "./deps.ts";

/** What the doctor finds in one workspace's rows: what is owed, and which tokens end. */

const LATE_MS = 10 * 60_000;
const DAY_MS = 86_400_000;
const SOON_DAYS = 30;
const VERY_SOON_DAYS = 7;
const MOST_READ = 200;
const MOST_REASONS = 3;

type Row = Omit<Diagnosis, "area">;

export async function diagnoseDeliveries(deps: AdminDeps, workspace: Workspace, now: Date): Promise<Diagnosis[]> {
  const { read } = deps.store;
  const [oldest, counts] = await Promise.all([read.oldestOwed(workspace.id), read.deliveryCounts(workspace.id)]);
  const rows: Row[] = [owed(oldest, now)];
  for (const state of ["dead", "held"] as const) {
    const count = counts[state] ?? 0;
    if (count === 0) continue;
    const { items } = await read.deliveries(workspace.id, { state, limit: MOST_READ });
    rows.push(GIVEN_UP[state](count, reasonsOf(items)));
  }
  return rows.map((row) => ({ area: "deliveries", ...row }));
}

function owed(oldest: Delivery | null, now: Date): Row {
  const step = "owed";
  if (oldest === null) return { step, state: "ok", message: "Nothing is owed to anybody.", fix: null };
  const lateMs = now.getTime() - oldest.createdAt.getTime();
  const waited = `The oldest delivery that is owed (dlv_${oldest.n}) has waited for ${span(lateMs)}`;
  if (lateMs < LATE_MS) return { step, state: "ok", message: `${waited}.`, fix: null };
  const why = oldest.lastError === null ? "" : `: ${oldest.lastError}`;
  return {
    step,
    state: "wrong",
    message: `${withoutDot(waited + why)}.`,
    fix: "See what its connection says; it is sent once that is mended.",
  };
}

const GIVEN_UP: Readonly<Record<"dead" | "held", (count: number, reasons: string) => Row>> = {
  dead: (count, reasons) => ({
    step: "dead",
    state: "wrong",
    message: `${count} given up: ${reasons}`,
    fix: "Mend what they name, then send them again: deliveries retry <id>.",
  }),
  held: (count, reasons) => ({
    step: "held",
    state: "note",
    message: `${count} kept back: ${reasons}`,
    fix: "Set what they wait for (mail waits for SMTP_URL), and restart the server: they are sent then.",
  }),
};

/** The commonest reasons of the newest ones, with how often each. */
function reasonsOf(deliveries: readonly Delivery[]): string {
  const often = new Map<string, number>();
  for (const { kind, lastError } of deliveries) {
    const reason = withoutDot(lastError ?? `${kind}, without a reason`);
    often.set(reason, (often.get(reason) ?? 0) + 1);
  }
  const told = [...often].toSorted(([, one], [, other]) => other - one).slice(0, MOST_REASONS);
  return `${told.map(([reason, count]) => `${reason} (${count} times)`).join("; ")}.`.replaceAll("(1 times)", "(once)");
}

/** Only those made to last: a member who signs in every morning needs no warning. */
export async function diagnoseTokens(deps: AdminDeps, workspaceId: string | null, now: Date): Promise<Diagnosis[]> {
  const tokens = (await deps.store.read.tokens(workspaceId)).filter(({ revokedAt }) => revokedAt === null);
  return tokens.flatMap(({ id, name, scope, createdAt, expiresAt }): Diagnosis[] => {
    const leftMs = expiresAt.getTime() - now.getTime();
    const isLasting = expiresAt.getTime() - createdAt.getTime() > SOON_DAYS * DAY_MS;
    if (!isLasting || leftMs <= 0 || leftMs > SOON_DAYS * DAY_MS) return [];
    const called = name === null ? id : `${id}, ${name}`;
    return [
      {
        area: "tokens",
        step: "expiry",
        state: leftMs < VERY_SOON_DAYS * DAY_MS ? "wrong" : "note",
        message: `A token of scope ${scope} (${called}) ends in ${span(leftMs)}.`,
        fix: "Make another, give it to whoever uses this one, then revoke this one.",
      },
    ];
  });
}

const withoutDot = (text: string): string => text.replace(/[.\s]+$/, "");

/** In the largest unit of which there are two. */
function span(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} hours` : `${Math.floor(minutes / (24 * 60))} days`;
}
