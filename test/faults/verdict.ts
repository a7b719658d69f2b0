import type { Record } from "./actors.ts";
import type { FarConversation } from "./far-sides.ts";
import { faultsOf } from "./history.ts";
import type { Got } from "./history.ts";
import type { Heard } from "./sides.ts";

/** What bots, agents and leads were promised and did not get, by the record of what each side did and saw. */
export function whatIsWrong(given: {
  record: Record;
  there: readonly FarConversation[];
  violations: readonly string[];
  heard: readonly Heard[];
  leadsHeard: readonly Heard[];
}): string[] {
  const { record, there, violations, heard, leadsHeard } = given;
  const keyOf = new Map(record.handoffs.map(({ id, key }) => [id, key]));
  const handoffOf = new Map(there.map((one) => [one.id, one.handoffId]));

  const opened: Got[] = there.map(({ handoffId }) => ({ stream: "conversations", text: handoffId }));
  const wanted = [...record.handoffs.map(({ id }) => id), ...record.leads.map(({ handoffId }) => handoffId)];
  const arrived: Got[] = there.flatMap(({ handoffId, lines }) =>
    lines.filter(({ by }) => by === "visitor" && keyOf.has(handoffId)).map(({ text }) => ({ stream: handoffId, text })),
  );
  const said = record.toBot.map(({ helpdeskId, text }) => ({
    stream: keyOf.get(handoffOf.get(helpdeskId) ?? "") ?? `helpdesk ${helpdeskId}`,
    text,
  }));
  const told: Got[] = heard
    .filter(({ type }) => type === "message.created")
    .map(({ id, data }) => ({ id, stream: String(data["conversationId"]), text: String(data["message"]?.text) }));
  const notes: Got[] = there.flatMap(({ lines }) =>
    lines.flatMap(({ by, text }) => {
      const email = /lead-\d+@example\.com/.exec(by === "note" ? text : "")?.[0];
      return email === undefined ? [] : [{ stream: "notes", text: email }];
    }),
  );
  const captured: Got[] = leadsHeard
    .filter(({ type }) => type === "lead.captured")
    .map(({ id, data }) => ({ id, stream: "leads", text: String(data["handoff"]?.id) }));
  const words = there.flatMap(({ lines }) => lines.map(({ text }) => text));

  return [
    ...record.wrong,
    ...inAnyOrder(wanted, "conversations", opened, false),
    ...faultsOf(record.toHelpdesk, arrived, { mayRepeat: false }),
    ...faultsOf(said, told, { mayRepeat: true }),
    ...inAnyOrder(
      record.leads.map(({ email }) => email),
      "notes",
      notes,
      false,
    ),
    ...inAnyOrder(
      record.leads.map(({ handoffId }) => handoffId),
      "leads",
      captured,
      true,
    ),
    ...words.filter((text) => /interrupts/.test(text)).map((text) => `a bot's words reached the agent: ${text}`),
    ...violations,
  ];
}

/** Each is a stream of its own: no order is promised between them. */
function inAnyOrder(texts: readonly string[], name: string, got: readonly Got[], mayRepeat: boolean): string[] {
  const apart = (text: string) => `${name} ${text}`;
  return faultsOf(
    texts.map((text) => ({ stream: apart(text), text })),
    got.map((one) => ({ ...one, stream: apart(one.text) })),
    { mayRepeat },
  );
}
