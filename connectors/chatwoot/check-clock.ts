import type { Finding } from "../../src/ports.ts";
import { fine, wrong } from "../findings.ts";

/** Signatures older or newer than five minutes are refused. */
const FAIL_MS = 5 * 60_000;
const WARN_MS = 2 * 60_000;

/**
 * Chatwoot's clock, by the `Date` header of an answer, against ours; nothing where they agree, or where no date is told.
 *
 * @param when between which instants of ours the answer was made
 */
export function clockFindings(
  date: string | undefined,
  when: { readonly asked: Date; readonly answered: Date },
): Finding[] {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return [];
  // The header has whole seconds, and the answer took its time: what lies between is no difference.
  const ahead = theirs - when.answered.getTime();
  const behind = when.asked.getTime() - (theirs + 999);
  const apart = Math.max(ahead, behind, 0);
  if (apart <= WARN_MS) return [];
  const side = ahead > behind ? "ahead of" : "behind";
  const words = `Chatwoot's clock is ${minutes(apart)} ${side} Baton's`;
  if (apart <= FAIL_MS)
    return [fine("clock", `${words}. From 5 minutes on, its webhooks are refused as stale: set both by NTP.`)];
  return [
    wrong(
      "clock",
      `${words}, so its signed webhooks are refused as stale.`,
      "Set the clocks of both servers by NTP (timedatectl set-ntp true); no setting of Baton's changes this.",
    ),
  ];
}

const minutes = (ms: number): string => {
  const count = Math.round(ms / 60_000);
  return `${count} minutes`;
};
