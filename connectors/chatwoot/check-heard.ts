import { z } from "zod";
import type { Finding, Seen } from "../../src/ports.ts";
import { HANDOFF_ATTRIBUTE } from "./conversation.ts";
import { deliveryFault, silence } from "./delivery-fault.ts";
import type { Desk } from "./desk.ts";
import { fine, wrong } from "../findings.ts";
import { dateOf } from "./mapping.ts";
import { Conversation, Message, wrapped } from "./shapes.ts";
import type { Inbox } from "./shapes.ts";
import type { Version } from "./version.ts";

/** A webhook is on its way for so long at most: Chatwoot's queue, and the minute that Baton notes one within. */
const DUE_MS = 5 * 60_000;
const TIMEOUT_MS = 8_000;

const moment = z.union([z.number(), z.string()]).nullish().catch(null);
const Recent = Conversation.extend({
  last_activity_at: moment,
  messages: z
    .array(Message.extend({ status: z.string().nullish().catch(null) }))
    .nullish()
    .catch(null),
});
type Recent = z.infer<typeof Recent>;

interface Circumstances {
  readonly version: Version;
  readonly seen: Seen;
}

/** Whether webhooks come in: what Baton has seen, against what went on in the inbox and what Chatwoot noted at its messages. */
export async function heardFindings(desk: Desk, inbox: Inbox, { version, seen }: Circumstances): Promise<Finding[]> {
  const query = new URLSearchParams({ status: "all", inbox_id: String(inbox.id) });
  const answer = await desk.client.tryCall(
    {
      method: "GET",
      path: `/conversations?${query.toString()}`,
      doing: "list the latest conversations",
      answer: z.looseObject({ data: wrapped(z.array(Recent)) }),
      timeoutMs: TIMEOUT_MS,
    },
    [401, 403, 404],
  );
  const recent = answer?.data.payload ?? [];
  const circumstances = { batonUrl: desk.batonUrl, version };
  const refused = refusedDeliveries(recent, seen.lastWebhookAt);
  if (refused !== null) {
    const { why, fix } = deliveryFault(refused.noted, circumstances);
    const count =
      refused.count === 1 ? "the latest message of a conversation" : `messages of ${refused.count} conversations`;
    const message = `Chatwoot notes at ${count}, shown in red there as not sent, that its webhook failed: ${why}.`;
    return [wrong("heard", message, fix)];
  }
  return [heard(recent, seen.lastWebhookAt, desk.clock(), circumstances)];
}

/** Messages whose webhook failed, later than anything that came in; null for none. */
function refusedDeliveries(
  recent: readonly Recent[],
  lastWebhookAt: Date | null,
): { noted: string; count: number } | null {
  const notes = recent.flatMap(({ messages }) =>
    (messages ?? []).flatMap(({ status, content_attributes: attributes, created_at: at }) => {
      const noted = attributes?.["external_error"];
      const isLater = lastWebhookAt === null || (dateOf(at)?.getTime() ?? 0) > lastWebhookAt.getTime();
      return status === "failed" && typeof noted === "string" && isLater ? [noted] : [];
    }),
  );
  return notes[0] === undefined ? null : { noted: notes[0], count: notes.length };
}

function heard(
  recent: readonly Recent[],
  lastWebhookAt: Date | null,
  now: Date,
  circumstances: Parameters<typeof silence>[0],
): Finding {
  const last = lastWebhookAt === null ? null : ago(now.getTime() - lastWebhookAt.getTime());
  // Before the first webhook only what Baton brought in counts: the inbox may be older than the connection.
  const counted = recent.filter((one) => lastWebhookAt !== null || one.custom_attributes?.[HANDOFF_ATTRIBUTE]);
  const times = counted.map((one) => dateOf(one.last_activity_at)?.getTime() ?? 0);
  const due = times.filter((at) => at > (lastWebhookAt?.getTime() ?? 0) + DUE_MS && at < now.getTime() - DUE_MS);
  if (due.length === 0) {
    return fine(
      "heard",
      last === null ? "No webhook has come in yet, and none was due." : `A webhook came in ${last}.`,
    );
  }
  const { why, fix } = silence(circumstances);
  const what = last === null ? "No webhook has ever come in" : `The last webhook came in ${last}`;
  const many = due.length === 1 ? "a conversation" : `${due.length} conversations`;
  return wrong("heard", `${what}, though ${many} in the inbox went on since. Most likely ${why}.`, fix);
}

function ago(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 2) return "within the last minutes";
  if (minutes < 120) return `${minutes} minutes ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours ago` : `${Math.round(hours / 24)} days ago`;
}
