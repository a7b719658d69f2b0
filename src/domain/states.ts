/** The states of a handoff as one printable table (design.md section 5). */
export const STATUSES = ["pending", "acknowledged", "resolved", "cancelled"] as const;
export type HandoffStatus = (typeof STATUSES)[number];

export const MODES = ["live", "lead"] as const;
export type HandoffMode = (typeof MODES)[number];

export const HANDOFF_EVENTS = ["accepted", "released", "missed", "lead_submitted", "resolved", "cancelled"] as const;
export type HandoffEvent = (typeof HANDOFF_EVENTS)[number];

type Row = Readonly<Partial<Record<HandoffEvent, HandoffStatus>>>;

/**
 * Allowed moves: `transitions[from][event]` is the status after it. A missing cell is an ordinary answer, not a fault:
 * late, repeated and reordered webhooks are to be expected. `missed` also turns the mode to `lead` (see {@link modeAfter}).
 */
export const transitions: Readonly<Record<HandoffStatus, Row>> = {
  pending: {
    accepted: "acknowledged",
    missed: "pending",
    lead_submitted: "pending",
    resolved: "resolved",
    cancelled: "cancelled",
  },
  acknowledged: {
    accepted: "acknowledged",
    released: "pending",
    lead_submitted: "acknowledged",
    resolved: "resolved",
    cancelled: "cancelled",
  },
  resolved: {},
  cancelled: {},
};

/** The status after `event`, or null when the event cannot happen in `from`. */
export function nextStatus(from: HandoffStatus, event: HandoffEvent): HandoffStatus | null {
  return transitions[from][event] ?? null;
}

/** `missed` turns a live handoff into a lead; nothing else changes the mode by itself. */
export function modeAfter(mode: HandoffMode, event: HandoffEvent): HandoffMode {
  return event === "missed" ? "lead" : mode;
}

/** Whether a handoff in this status still occupies its conversation. */
export function isOpenStatus(status: HandoffStatus): boolean {
  return status === "pending" || status === "acknowledged";
}

const cell = (text: string): string => text.padEnd(15);

/** The table as text, for documentation and for a glance in a terminal. */
export function printTransitions(): string {
  const head = ["event", ...STATUSES].map(cell).join("");
  const rows = HANDOFF_EVENTS.map((event) =>
    [event, ...STATUSES.map((from) => transitions[from][event] ?? "-")].map(cell).join(""),
  );
  return [head, ...rows].map((text) => text.trimEnd()).join("\n");
}
