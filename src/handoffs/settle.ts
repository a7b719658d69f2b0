import type { Deps } from "./deps.ts";
import { viewEvents } from "./events.ts";

/** The part of an answer that a wait can change. */
interface Waiting {
  readonly handoff: { readonly id: string; readonly opened: boolean; readonly mode: string } | null;
  readonly decision: { readonly outcome: string };
}

/**
 * Waits until a destination has the handoff, or none could take it, or the time is up; then gives the answer as it stands.
 * Nothing is stored: a caller that does not wait hears the same by callback.
 */
export async function settledAnswer<Answer extends Waiting>(
  deps: Deps,
  of: { workspaceId: string; answer: Answer; waitSeconds: number; signal: AbortSignal },
): Promise<Answer> {
  const { workspaceId, answer } = of;
  const id = answer.handoff?.id;
  if (id === undefined) return answer;
  const first = await deps.store.read.handoff(workspaceId, id);
  if (first === null) return answer;
  await newsWithin(deps, of, first.conversationId, async () => {
    const now = await deps.store.read.handoff(workspaceId, id);
    return now === null || now.opened || now.mode !== "live" || now.endedAt !== null;
  });
  const handoff = await deps.store.read.handoff(workspaceId, id);
  const conversation = await deps.store.read.conversation(workspaceId, first.conversationId);
  if (handoff === null || conversation === null) return answer;
  const settled = {
    ...answer,
    handoff: {
      ...answer.handoff,
      status: handoff.status,
      mode: handoff.mode,
      opened: handoff.opened,
      destination: handoff.destination?.id ?? null,
    },
    control: conversation.control,
    epoch: conversation.epoch,
  };
  if (handoff.mode !== "lead") return settled;
  const events = await viewEvents(deps.store.read, conversation, await deps.store.read.handoffEvents(workspaceId, id));
  const missed = events.findLast((event) => event.type === "handoff.missed");
  const { reply, form, guidance } = missed?.data ?? {};
  const decision = { ...answer.decision, outcome: "lead", because: "helpdesk_unreachable" };
  return { ...settled, decision, ...(missed && { reply, form, guidance }) };
}

/** Resolves when `isSettled`, asked after each commit that touches the conversation, or when time or caller has gone. */
async function newsWithin(
  deps: Pick<Deps, "store">,
  { waitSeconds, signal }: { waitSeconds: number; signal: AbortSignal },
  conversationId: string,
  isSettled: () => Promise<boolean>,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, waitSeconds * 1_000);
    const stop = deps.store.onCommitted((what) => {
      if (what.conversations.includes(conversationId)) ask();
    }, conversationId);
    const ask = () => void isSettled().then((settled) => settled && finish(), finish);
    signal.addEventListener("abort", finish, { once: true });
    ask();
    function finish(): void {
      clearTimeout(timer);
      stop();
      signal.removeEventListener("abort", finish);
      resolve();
    }
  });
}
