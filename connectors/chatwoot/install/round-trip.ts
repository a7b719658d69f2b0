import { randomBytes } from "node:crypto";
import { z } from "zod";
import { deliveryFault, silence } from "../delivery-fault.ts";
import { Contact, Id, Message, wrapped } from "../shapes.ts";
import type { Inbox } from "../shapes.ts";
import type { Version } from "../version.ts";
import type { Site } from "./site.ts";
import { StepFailure } from "./step-run.ts";
import type { Done } from "./step-run.ts";

/** How long the webhook may take: Chatwoot's own limit for one, and its queue. */
const HEARD_WITHIN_MS = 8_000;

/** Where the ledger keeps a test contact that was made, or begun. */
export const PROOF = "proof_contact";
/** Our key for the test contact: whatever a run before has left is found by it. */
const proofIdentifier = ({ place }: Site): string => `baton-proof:${place.connectionId}`;

/**
 * A test conversation whose signed webhook has to come back. It is begun resolved and holds a private note, so that nobody is
 * notified, nothing is assigned, and no visitor could see it. Always taken away again, with what a run before has left.
 */
export async function proveRoundTrip(
  site: Site,
  { version, inbox }: { readonly version: Version; readonly inbox: Inbox },
): Promise<Done<true>> {
  await removeProof(site);
  const mark = `baton-proof-${randomBytes(12).toString("hex")}`;
  let sent: Sent | null = null;
  let isHeard = false;
  let noted: string | null = null;
  try {
    sent = await send(site, inbox, mark);
    isHeard = await site.deps.heard(mark, HEARD_WITHIN_MS);
    if (!isHeard) noted = await whatChatwootNoted(site, sent);
  } finally {
    await tidyUp(site, sent);
  }
  const how = version.signsInboxes ? "signed" : "with the secret of its address";
  if (isHeard) {
    const message = `A test conversation was made, its webhook came back ${how}, and it was removed again.`;
    return { outcome: "found", message, value: true };
  }
  const circumstances = { batonUrl: site.place.batonUrl, version };
  const fault = noted === null ? silence(circumstances) : deliveryFault(noted, circumstances);
  const seconds = HEARD_WITHIN_MS / 1_000;
  throw new StepFailure(
    `The webhook of a test conversation did not come back within ${seconds} seconds. Most likely ${fault.why}. ` +
      "Until it is mended, Baton reads what agents write once a minute.",
    fault.fix,
  );
}

interface Sent {
  readonly conversationId: number;
  readonly messageId: number;
}

async function send(site: Site, inbox: Inbox, mark: string): Promise<Sent> {
  const client = site.client();
  const identifier = proofIdentifier(site);
  await site.book.begin(PROOF, site.deps.clock());
  const created = await client.call({
    method: "POST",
    path: "/contacts",
    doing: "make a test contact",
    json: { inbox_id: inbox.id, source_id: mark, name: "Baton test, removed by itself", identifier },
    answer: wrapped(z.looseObject({ contact: Contact })),
  });
  const contactId = created.payload.contact.id;
  await site.keep({ made: { [PROOF]: String(contactId) } });
  const conversation = await client.call({
    method: "POST",
    path: "/conversations",
    doing: "make a test conversation",
    json: { inbox_id: inbox.id, contact_id: contactId, source_id: mark, status: "resolved" },
    answer: z.looseObject({ id: Id }),
  });
  const message = await client.call({
    method: "POST",
    path: `/conversations/${conversation.id}/messages`,
    doing: "take the test message",
    json: {
      content: `Baton tests whether its webhook works. This conversation is removed by itself. ${mark}`,
      message_type: "outgoing",
      private: true,
      content_attributes: { baton_proof: mark },
    },
    answer: z.looseObject({ id: Id }),
  });
  return { conversationId: conversation.id, messageId: message.id };
}

/** The failure that Chatwoot notes at the message itself; null when it notes none. */
async function whatChatwootNoted(site: Site, { conversationId, messageId }: Sent): Promise<string | null> {
  const call = {
    method: "GET",
    path: `/conversations/${conversationId}/messages`,
    doing: "read the test message",
    answer: wrapped(z.array(Message)),
  } as const;
  const messages = await site.client().tryCall(call, [401, 403, 404, 422, 429, 500, 502, 503]);
  const noted = messages?.payload.find(({ id }) => id === messageId)?.content_attributes?.["external_error"];
  return typeof noted === "string" ? noted : null;
}

/** Whatever comes, the way out of the step is its own: what cannot be removed now is removed by the next run. */
async function tidyUp(site: Site, sent: Sent | null): Promise<void> {
  try {
    if (sent) await removeConversation(site, sent.conversationId);
    await removeProof(site);
  } catch (error) {
    const broken = site.book.failure();
    if (broken) throw broken.error;
    site.deps.log.warn("install_proof_left", { error });
  }
}

/** The contact is removed all the same, and takes its conversations along. */
const notRemoved = [401, 403, 404, 405, 422, 429, 500, 502, 503, 504];

/** Newer releases delete conversations; in older ones they go with their contact. */
async function removeConversation(site: Site, id: number): Promise<void> {
  const call = {
    method: "DELETE",
    path: `/conversations/${id}`,
    doing: "remove the test conversation",
    answer: null,
  } as const;
  await site.client().tryCall(call, notRemoved);
}

/** Takes away the test contact of this connection, with its conversations. True when there was one. */
export async function removeProof(site: Site): Promise<boolean> {
  const client = site.client();
  const identifier = proofIdentifier(site);
  const condition = { attribute_key: "identifier", filter_operator: "equal_to", values: [identifier] };
  const { payload } = await client.call({
    method: "POST",
    isRead: true,
    path: "/contacts/filter",
    doing: "look for a test contact",
    json: { payload: [condition] },
    answer: wrapped(z.array(Contact)),
  });
  const left = payload.filter((contact) => contact.identifier === identifier);
  for (const { id } of left) {
    await client.tryCall(
      { method: "DELETE", path: `/contacts/${id}`, doing: "remove the test contact", answer: null },
      [404],
    );
  }
  if (site.book.keys().includes(PROOF)) await site.keep({ made: { [PROOF]: null } });
  return left.length > 0;
}
