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

/** An admin waits for this. */
const TIMEOUT_MS = 8_000;
/** What the first request may take of it: without that one nothing else is asked. */
const FIRST_TIMEOUT_MS = 4_000;

/**
 * What is wrong with the connection, step by step, in words for the admin. Where the address or the token fails, what needs them is
 * left out. Never rejects; answers within about eight seconds.
 */
export async function checkConnection(desk: Desk, seen: Seen): Promise<CheckReport> {
  const budget = createBudget(TIMEOUT_MS);
  const account = await checkAccount(desk, createBudget(FIRST_TIMEOUT_MS));
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
