import { HandoffError } from "../../src/domain/errors.ts";
import type { Connector } from "../../src/ports.ts";

export interface InboxDeps {
  /** How many members of the workspace are online to take conversations. */
  readonly onlineMembers: () => Promise<number>;
}

/**
 * Baton's own inbox as a destination. It has nothing outside: a conversation is there as soon as it is stored, members work
 * on it through the agent routes, and nothing is owed to anybody.
 */
export function createInboxConnector({ onlineMembers }: InboxDeps): Connector {
  return {
    type: "inbox",
    can: { attachments: true, look: false, local: true },
    settleMs: 0,
    open: ({ handoffId }) => Promise.resolve(refOf(handoffId)),
    send: () => Promise.resolve("sent"),
    close: () => Promise.resolve(),
    lead: ({ lead, ref }) => Promise.resolve(ref ?? refOf(lead.handoffId)),
    look: (_ref, cursor) =>
      Promise.resolve({ messages: [], cursor, status: "open", assignee: null, version: 0, isIncomplete: false }),
    presence: () => onlineMembers(),
    check: () =>
      Promise.resolve({
        ok: true,
        findings: [
          { step: "inbox", ok: true, message: "The inbox is part of Baton and needs no connection.", fix: null },
        ],
        about: {},
      }),
    choices: () => Promise.resolve({}),
    verify: () => {
      throw noWebhooks();
    },
    toInbound: () => {
      throw noWebhooks();
    },
  };
}

const refOf = (handoffId: string) => ({ conversationId: handoffId, contactId: null, url: null });

const noWebhooks = (): HandoffError => new HandoffError("invalid_signature", "Baton's own inbox takes no webhooks.");
