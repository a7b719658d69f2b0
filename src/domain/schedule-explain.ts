import { DAYS_AHEAD, DAYS_BACK, dateOfDay, openingsOfDay, weekdayOf } from "./schedule-intervals.ts";
import type { Plan } from "./schedule-intervals.ts";
import { DAYS_OF_WEEK } from "./schedule-schema.ts";
import type { DayOfWeek, Slot } from "./schedule-schema.ts";
import { MS_PER_DAY, localDayAt, offsetPeriods } from "./schedule-zone.ts";

/**
 * The rule that decides at an instant. `date` (ISO 8601, local) is the date the rule belongs to: when open, the one on
 * which the slot starts, so an overnight slot names the day before; when closed, the local date of the instant.
 * `slots` are all that the rule gives for the date.
 */
export type ScheduleRule =
  /** Open: no schedule is set. */
  | { readonly kind: "always_open" }
  /** Open: in this slot of the week. */
  | { readonly kind: "weekly"; readonly date: string; readonly day: DayOfWeek; readonly slot: Slot }
  /** Open in `slot` of an override; closed when `slot` is null: the override gives the date no slot at this instant. */
  | {
      readonly kind: "override";
      readonly date: string;
      readonly day: DayOfWeek;
      readonly label: string | null;
      readonly slot: Slot | null;
      readonly slots: readonly Slot[];
    }
  /** Closed: the weekday is missing, switched off, or has no slots. */
  | { readonly kind: "closed_day"; readonly date: string; readonly day: DayOfWeek }
  /** Closed: before, between or after the weekday's slots. */
  | {
      readonly kind: "outside_slots";
      readonly date: string;
      readonly day: DayOfWeek;
      readonly slots: readonly Slot[];
    };

/** Where several slots cover the instant, the one of the latest date decides; among those of one date, the first. */
export function explainAt(plan: Plan, instant: number): ScheduleRule {
  const margin = (DAYS_BACK + 1) * MS_PER_DAY;
  const periods = offsetPeriods(plan.zone, instant - margin, instant + margin);
  const today = localDayAt(periods, instant);
  for (let day = today + DAYS_AHEAD; day >= today - DAYS_BACK; day -= 1) {
    for (const { start, end, slot } of openingsOfDay(plan, periods, day)) {
      if (start <= instant && instant < end) return ruleOf(plan, day, slot);
    }
  }
  return ruleOf(plan, today, null);
}

function ruleOf(plan: Plan, dayNumber: number, slot: Slot | null): ScheduleRule {
  const date = dateOfDay(dayNumber);
  const day = weekdayOf(DAYS_OF_WEEK, dayNumber);
  const dayPlan = plan.dayPlan(dayNumber);
  const slots = dayPlan.slots.map(({ slot }) => ({ ...slot }));
  if (dayPlan.source === "override") {
    return { kind: "override", date, day, label: dayPlan.label, slot: slot && { ...slot }, slots };
  }
  if (slot !== null) return { kind: "weekly", date, day, slot: { ...slot } };
  return slots.length === 0 ? { kind: "closed_day", date, day } : { kind: "outside_slots", date, day, slots };
}
