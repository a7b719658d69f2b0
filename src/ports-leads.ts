/** Leads as a team works through them. Parts of Reads and Tx. */
import type { Lead } from "./domain/handoff.ts";
import type { Page } from "./ports-store.ts";

export const FOLLOW_UP_STATES = ["open", "followed_up"] as const;
export type FollowUpState = (typeof FOLLOW_UP_STATES)[number];

/** Whether somebody of the team has answered the lead. */
export interface FollowUp {
  readonly state: FollowUpState;
  /** When it was last marked; null where it never was. */
  readonly at: Date | null;
  /** Who marked it, by the name of that time. */
  readonly by: { readonly id: string | null; readonly name: string | null } | null;
  readonly note: string | null;
}

export const NOT_FOLLOWED_UP: FollowUp = { state: "open", at: null, by: null, note: null };

export interface LeadRecord extends Lead {
  readonly followUp: FollowUp;
}

export interface LeadFilter {
  readonly botId?: string | undefined;
  readonly state?: FollowUpState | undefined;
  /** In name, email, phone and issue: see src/domain/lead-search.ts. */
  readonly search?: string | undefined;
  /** From this instant on. */
  readonly from?: Date | undefined;
  /** Before this instant. */
  readonly to?: Date | undefined;
}

export type LeadCounts = Readonly<Record<FollowUpState, number>>;

export interface LeadReads {
  lead(workspaceId: string, id: string): Promise<LeadRecord | null>;
  leadOfHandoff(workspaceId: string, handoffId: string): Promise<Lead | null>;
  /** Newest first. */
  leads(
    workspaceId: string,
    filter: LeadFilter & { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<Page<LeadRecord>>;
  leadCounts(workspaceId: string, filter: Omit<LeadFilter, "state">): Promise<LeadCounts>;
}

export interface LeadWrites {
  createLead(lead: Lead): Promise<void>;
  /** False for an unknown lead. */
  setFollowUp(workspaceId: string, id: string, followUp: FollowUp): Promise<boolean>;
}
