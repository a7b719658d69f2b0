import { HandoffError } from "../../domain/errors.ts";
import type { LeadDialog } from "../../domain/lead-dialog.ts";
import type { LeadFault, LeadSubmission } from "../../domain/lead-form.ts";
import type { Tx } from "../../ports-store.ts";
import type { Deps } from "../deps.ts";
import { submitLead } from "../leads.ts";
import { loadHandoff } from "../load.ts";
import type { Turn } from "../turn.ts";
import { repeatForm } from "./dialog.ts";

interface Of {
  readonly workspaceId: string;
  readonly botId: string;
  readonly handoffId: string;
}

/**
 * Takes the lead that a dialog came to, after the turn of its last answer was saved. Faults are told to the visitor, and the
 * form is shown again.
 */
export async function submitFromDialog(
  tx: Tx,
  deps: Deps,
  of: Of,
  { submission, by }: { submission: LeadSubmission; by: LeadDialog["by"] },
): Promise<void> {
  const consentBy = by === "form" ? "choice" : "words";
  const faults = await faultsOf(() => submitLead(tx, deps, of, submission, consentBy));
  const { turn, setup, handoff } = await loadHandoff(tx, deps, of);
  if (faults !== null) repeatForm(turn, setup, deps, { handoff, faults });
  else if (turn.conversation.dialog?.handoffId === of.handoffId) turn.change({ dialog: null });
  await turn.save();
}

/** Null when it was taken; also when there is nothing left to ask: it has ended, or the details are there already. */
async function faultsOf(submit: () => Promise<unknown>): Promise<readonly LeadFault[] | null> {
  try {
    await submit();
    return null;
  } catch (error) {
    if (!(error instanceof HandoffError)) throw error;
    if (error.code === "wrong_state") return null;
    if (error.code !== "validation_failed" && error.code !== "terms_not_accepted") throw error;
    // A refused form's faults are those of validateLead.
    return (error.faults ?? []) as readonly LeadFault[];
  }
}

/** Saves a turn, and takes contact details that were complete without a question. */
export async function saveAndSubmit(turn: Turn, deps: Deps): Promise<void> {
  await turn.save();
  const { submission, handoff } = turn;
  if (submission === null || handoff === null) return;
  turn.submission = null;
  const { workspaceId, botId, id: handoffId } = handoff;
  await submitFromDialog(turn.tx, deps, { workspaceId, botId, handoffId }, { submission, by: "questions" });
}
