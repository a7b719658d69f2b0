import type { Trigger } from "./conversation.ts";

/** The decision (design.md section 3): a pure function of settings, presence, the open handoff and the instant. */
export const OUTCOMES = ["live", "lead", "declined"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const REASONS = [
  "disabled",
  "trigger_off",
  "already_open",
  "never_available",
  "agents_unavailable",
  "outside_schedule",
  "no_agent_online",
  "queue_full",
  "helpdesk_unreachable",
  "open",
] as const;
export type Because = (typeof REASONS)[number];

/** What the schedule says at the instant of the question. */
export interface ScheduleAnswer {
  readonly open: boolean;
  /** The next opening strictly after the instant; null when there is none in sight. */
  readonly opensAt: Date | null;
  /** When the running opening ends; null when closed, or when it does not end in sight. */
  readonly closesAt: Date | null;
}

/** One place where a live handoff could go, as it is right now. */
export interface Candidate {
  readonly destination: string;
  /** Whether presence must be checked there. */
  readonly presenceRequired: boolean;
  /** Agents online, or null when nobody could say: unknown does not refuse, since the accept time-out still protects. */
  readonly online: number | null;
  /** Its circuit is open: known to be down. */
  readonly down: boolean;
}

export interface DecisionInput {
  readonly enabled: boolean;
  readonly trigger: "button" | "auto" | "both";
  readonly neverAvailable: boolean;
  readonly agentsAvailable: boolean;
  readonly queueLimit: number;
  /** Absent when nobody asks yet (`GET /v1/availability`). */
  readonly asker: Trigger | null;
  readonly alreadyOpen: boolean;
  readonly schedule: ScheduleAnswer;
  readonly candidates: readonly Candidate[];
  /** Handoffs of this bot that wait for an agent now; only looked at when `queueLimit` is set. */
  readonly pendingCount: number;
}

export interface Decision {
  readonly outcome: Outcome;
  readonly because: Because;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  /** For `live`: where to go, in the order to try. */
  readonly destinations: readonly string[];
}

/** Who may ask under which `trigger`: a visitor's own words count as both the button and the bot. */
function mayAsk(trigger: DecisionInput["trigger"], asker: Trigger | null): boolean {
  if (trigger === "both" || asker === null || asker === "visitor") return true;
  return trigger === "button" ? asker === "button" : asker === "bot";
}

/** First match wins, in the order of design.md section 3. */
export function decide(input: DecisionInput): Decision {
  const { open, opensAt, closesAt } = input.schedule;
  const none: readonly string[] = [];
  if (!input.enabled)
    return { outcome: "declined", because: "disabled", opensAt: null, closesAt: null, destinations: none };
  if (!mayAsk(input.trigger, input.asker))
    return { outcome: "declined", because: "trigger_off", opensAt: null, closesAt: null, destinations: none };
  if (input.alreadyOpen)
    return { outcome: "live", because: "already_open", opensAt: null, closesAt, destinations: none };

  const lead = (because: Because, next: Date | null): Decision => ({
    outcome: "lead",
    because,
    opensAt: next,
    closesAt: null,
    destinations: none,
  });
  if (input.neverAvailable) return lead("never_available", null);
  if (!input.agentsAvailable) return lead("agents_unavailable", opensAt);
  if (!open) return lead("outside_schedule", opensAt);
  const present = input.candidates.filter((one) => !one.presenceRequired || one.online !== 0);
  if (present.length === 0) return lead("no_agent_online", opensAt);
  if (input.queueLimit > 0 && input.pendingCount >= input.queueLimit) return lead("queue_full", opensAt);
  const up = present.filter((one) => !one.down);
  if (up.length === 0) return lead("helpdesk_unreachable", opensAt);
  return {
    outcome: "live",
    because: "open",
    opensAt: null,
    closesAt,
    destinations: up.map((one) => one.destination),
  };
}
