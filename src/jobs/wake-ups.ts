import { z } from "zod";

const Id = z.string().min(1).max(500);

/** What a wake-up carries: an id, and nothing else (reliability.md P17). */
export const WakeUp = z.union([
  z.strictObject({ lane: Id }),
  z.strictObject({ look: z.strictObject({ workspaceId: Id, handoffId: Id }) }),
  z.strictObject({ webhooks: z.literal(true) }),
]);
export type WakeUp = z.infer<typeof WakeUp>;

/** The same for wake-ups that say the same. */
export function nameOf(wakeUp: WakeUp): string {
  if ("lane" in wakeUp) return `lane/${wakeUp.lane}`;
  return "look" in wakeUp ? `look/${wakeUp.look.handoffId}` : "webhooks";
}
