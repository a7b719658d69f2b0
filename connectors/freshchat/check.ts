import type { CheckReport, Finding, Seen } from "../../src/ports.ts";
import { checkAccount } from "./check-account.ts";
import { checkAgents, checkHours, checkSeat } from "./check-agents.ts";
import { checkChannel, checkGroup, checkProperties } from "./check-places.ts";
import type { PlaceFindings } from "./check-places.ts";
import { failedStep, tried } from "./check-step.ts";
import { webhookFindings } from "./check-webhook.ts";
import type { Desk } from "./desk.ts";
import { createBudget } from "./pages.ts";
import type { Budget } from "./pages.ts";

/** An admin waits for this. Without the first request nothing else is asked, so it may not take all of it. */
const usualLimits = { totalMs: 8_000, firstMs: 4_000 };

/**
 * What is wrong with the connection, step by step, in words for the admin. Where the address or the token fails, what needs them is
 * left out. Never rejects.
 *
 * @param limits how long all of it may take, and its first request
 */
export async function checkConnection(desk: Desk, seen: Seen, limits = usualLimits): Promise<CheckReport> {
  const budget = createBudget(limits.totalMs);
  const account = await checkAccount(desk, createBudget(limits.firstMs));
  const rest = account.isUsable ? await checkRest(desk, budget) : { findings: [], about: {} };
  const findings = [...account.findings, ...rest.findings, ...webhookFindings(desk, seen)];
  return { ok: findings.every(({ ok }) => ok), findings, about: { ...account.about, ...rest.about } };
}

async function checkRest(
  desk: Desk,
  budget: Budget,
): Promise<{ readonly findings: readonly Finding[]; readonly about: Readonly<Record<string, string>> }> {
  const [channel, group, ...others] = await Promise.all([
    place("channel", () => checkChannel(desk, budget)),
    place("group", () => checkGroup(desk, budget)),
    tried("properties", () => checkProperties(desk, budget)),
    tried("agents", () => checkAgents(desk, budget)),
    tried("hours", () => checkHours(desk, budget)),
    tried("agent", () => checkSeat(desk, budget)),
  ]);
  const about = {
    ...(channel.name === null ? {} : { channel: channel.name }),
    ...(group.name === null ? {} : { group: group.name }),
  };
  return { findings: [...channel.findings, ...group.findings, ...others.flat()], about };
}

async function place(step: string, act: () => Promise<PlaceFindings>): Promise<PlaceFindings> {
  try {
    return await act();
  } catch (error) {
    return { findings: [failedStep(step, error)], name: null };
  }
}
