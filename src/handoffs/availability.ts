import { decide } from "../domain/decision.ts";
import type { Because } from "../domain/decision.ts";
import type { ScheduleRule } from "../domain/schedule.ts";
import type { Deps } from "./deps.ts";
import { decisionInput, prepareRequest } from "./request.ts";

export interface Availability {
  readonly available: boolean;
  readonly because: Because;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly explanation: {
    readonly text: string;
    readonly at: Date;
    readonly timezone: string | null;
    readonly rule: ScheduleRule;
  };
}

/**
 * What a request for a person would come to, now or at an instant, and which setting, slot or override decides it. For
 * another instant only settings and schedule are asked: who will be online then nobody knows.
 *
 * @throws HandoffError `not_found`
 */
export async function availability(
  deps: Deps,
  of: { workspaceId: string; botId: string },
  at: Date | null,
): Promise<Availability> {
  const prepared = await prepareRequest(deps, of.workspaceId, of.botId);
  const { settings, schedule } = prepared.setup;
  const instant = at ?? deps.clock();
  const candidates =
    at === null ? prepared.candidates : prepared.candidates.map((one) => ({ ...one, online: null, down: false }));
  const pendingCount =
    at === null && settings.queueLimit > 0 ? await deps.store.read.pendingCount(of.workspaceId, of.botId) : 0;
  const decision = decide(
    decisionInput({ ...prepared, candidates }, { asker: null, alreadyOpen: false, pendingCount, at: instant }),
  );
  const { rule } = schedule.explain(instant);
  const timezone = settings.schedule?.timezone ?? null;
  return {
    available: decision.outcome === "live",
    because: decision.because,
    opensAt: decision.opensAt,
    closesAt: decision.closesAt,
    explanation: { text: explain(decision.because, rule, timezone), at: instant, timezone, rule },
  };
}

function explain(because: Because, rule: ScheduleRule, timezone: string | null): string {
  switch (because) {
    case "disabled":
      return "Handoffs are switched off (enabled).";
    case "trigger_off":
      return "Who asks may not ask (trigger).";
    case "already_open":
      return "The conversation has an open handoff.";
    case "never_available":
      return "The bot is set to never hand over live (neverAvailable).";
    case "agents_unavailable":
      return "The team has switched itself off (agentsAvailable).";
    case "no_agent_online":
      return "No agent is online at any destination, and presence is required (presence).";
    case "queue_full":
      return "As many handoffs are waiting as the queue allows (queueLimit).";
    case "helpdesk_unreachable":
      return "Every destination is known to be down.";
    case "outside_schedule":
    case "open":
      return explainRule(rule, timezone);
  }
}

function explainRule(rule: ScheduleRule, timezone: string | null): string {
  const zone = timezone === null ? "" : ` (${timezone})`;
  switch (rule.kind) {
    case "always_open":
      return "No schedule is set: always open.";
    case "weekly":
      return `Open by the weekly slot ${rule.slot.start} to ${rule.slot.end} of ${rule.day}, ${rule.date}${zone}.`;
    case "override": {
      const label = rule.label ? ` "${rule.label}"` : "";
      return rule.slot === null
        ? `Closed by the override${label} of ${rule.date}${zone}.`
        : `Open by the override${label} of ${rule.date}, slot ${rule.slot.start} to ${rule.slot.end}${zone}.`;
    }
    case "closed_day":
      return `Closed: ${rule.day}, ${rule.date}, has no opening hours${zone}.`;
    case "outside_slots":
      return `Closed: outside the slots of ${rule.day}, ${rule.date}${zone}.`;
  }
}
