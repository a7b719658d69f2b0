import { faultsOf } from "./history.ts";
import type { Got, Sent } from "./history.ts";
import type { Act, Ends, Heard, History, Standing } from "./record.ts";

/**
 * What a history breaks of what bots, visitors and agents were promised (reliability.md), in words; empty when nothing. Pure: it
 * knows the history and nothing of the program, and says nothing that a history of a good program could make it say.
 */
export function whatIsWrong(history: History): string[] {
  const book = bookOf(history);
  return [
    ...of(history.acts, "wrong").map(({ what }) => what),
    ...whatWasNotKept(book),
    ...whatDidNotReachTheTeam(book),
    ...whatDidNotReachTheBot(book),
    ...whoSpokeOutOfTurn(book),
    ...whatBecameOfLeads(book),
    ...whatDisagrees(book),
    ...history.ends.owed.map(({ kind, state, reason }) => `left over: a ${kind} is ${state}: ${reason ?? "no reason"}`),
    ...history.ends.violations,
    ...(history.ends.forged > 0 ? [`forged: ${history.ends.forged} callbacks had a signature that does not fit`] : []),
  ];
}

type Handoff = Ends["handoffs"][number];

/** The history, looked up by what its lines have in common. */
interface Book {
  readonly acts: readonly Act[];
  readonly ends: Ends;
  readonly handoffs: ReadonlyMap<string, Handoff>;
  readonly keys: readonly string[];
  /** The bot's conversation that a helpdesk's one is for. */
  readonly keyAt: (there: Standing) => string | null;
}

function bookOf({ acts, ends }: History): Book {
  const handoffs = new Map(ends.handoffs.map((one) => [one.id, one]));
  const keyOf = new Map(ends.handoffs.map(({ id, key }) => [id, key]));
  for (const { handoffId, key } of of(acts, "asked")) keyOf.set(handoffId, key);
  const keys = new Set([...keyOf.values(), ...ends.conversations.map(({ key }) => key)]);
  return { acts, ends, handoffs, keys: [...keys], keyAt: (there) => keyOf.get(there.handoffId) ?? null };
}

function of<Did extends Act["did"]>(acts: readonly Act[], ...did: readonly Did[]): Extract<Act, { did: Did }>[] {
  return acts.filter((act): act is Extract<Act, { did: Did }> => (did as readonly string[]).includes(act.did));
}

const has = (handoff: Handoff | undefined, type: string): boolean =>
  handoff?.events.some((event) => event.type === type) ?? false;

/** Every 2xx survives: Baton still has what it acknowledged, once, in order, and nothing that nobody said. */
function whatWasNotKept({ acts, ends }: Book): string[] {
  const said = of(acts, "asked", "said", "bot_said").map(({ key, text }) => ({ stream: key, text }));
  const kept = ends.conversations.flatMap(({ key, messages }) =>
    messages.flatMap(({ role, text }) => (role === "visitor" || role === "bot" ? [{ stream: key, text }] : [])),
  );
  const known = new Set(ends.handoffs.map(({ id }) => id));
  const gone = of(acts, "asked", "left_details", "ended").filter(({ handoffId }) => !known.has(handoffId));
  const refused = new Set(of(acts, "bot_refused").map(({ text }) => text));
  return [
    ...gone.map(({ did, handoffId }) => `lost: handoff ${handoffId} was acknowledged (${did}) and is not there`),
    ...kept.flatMap(({ text }) => (refused.has(text) ? [`refused, and kept all the same: "${text}"`] : [])),
    ...faultsOf(
      said,
      kept.filter(({ text }) => !refused.has(text)),
      { mayRepeat: false },
    ).map((fault) => `in Baton, ${fault}`),
  ];
}

/** A visitor's words in the helpdesk: once, in order, nothing invented, and none lost that a helpdesk has the handoff of. */
function whatDidNotReachTheTeam(book: Book): string[] {
  const { acts, ends, keyAt } = book;
  const said = of(acts, "asked", "said");
  const faults: string[] = [];
  for (const there of ends.standing) {
    const key = keyAt(there);
    if (key === null && isGivenUp(there)) continue;
    if (key === null) {
      faults.push(`invented: ${nameOf(there)} is for no handoff that anybody asked for ("${there.handoffId}")`);
      continue;
    }
    const texts = said.filter((one) => one.key === key).map(({ text }) => ({ stream: nameOf(there), text }));
    const got = there.lines.flatMap(({ by, text }) => (by === "visitor" ? [{ stream: nameOf(there), text }] : []));
    const maySkip = new Set(texts.map(({ text }) => text));
    faults.push(...faultsOf(texts, got, { mayRepeat: false, maySkip }));
  }
  const own = ends.standing.filter(
    (one) => !isGivenUp(one) && (!one.isResolved || !mayHaveLeft(book.handoffs.get(one.handoffId))),
  );
  for (const [name, count] of countOf(own.map((one) => `${one.desk} for ${one.handoffId}`)))
    if (count > 1) faults.push(`doubled: ${count} conversations in ${name}`);
  return [...faults, ...said.flatMap((one) => lostOnTheWay(book, one))];
}

const nameOf = ({ desk, there }: Standing): string => `${desk} ${there}`;

/** It was begun before anything in it told for whom; Baton has found it again, told the team and ended it. */
const isGivenUp = ({ isResolved, lines }: Standing): boolean =>
  isResolved && lines.some(({ by, text }) => by === "note" && text.startsWith("Baton: this request went on without"));

/** A handoff that was missed or moved may have left conversations behind, which somebody has ended. */
const mayHaveLeft = (handoff: Handoff | undefined): boolean =>
  has(handoff, "handoff.moved") || has(handoff, "handoff.missed");

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function lostOnTheWay(
  { handoffs, ends, keyAt }: Book,
  { key, text, handoffId, mode }: Extract<Act, { did: "asked" | "said" }>,
): string[] {
  if (mode !== "live" || handoffId === null) return [];
  const handoff = handoffs.get(handoffId);
  const destination = handoff?.events.at(-1)?.data["handoff"]?.destination;
  if (handoff === undefined || destination === "inbox") return [];
  // It ended, or its visitor was told that nobody can be reached, before any helpdesk had it: that needs no helpdesk.
  const isOpened = has(handoff, "handoff.opened") || isReopened(handoff);
  if (!isOpened && (has(handoff, "handoff.missed") || !isOpen(handoff))) return [];
  const theirs = ends.standing.filter((there) => keyAt(there) === key);
  if (theirs.some(({ lines }) => lines.some((line) => line.by === "visitor" && line.text === text))) return [];
  // What was said before it was passed to another helpdesk, or asked for anew, stands in the note that opened it then.
  const inNote = theirs.some(({ lines }) => lines.some((line) => line.by === "note" && line.text.includes(text)));
  return inNote && (has(handoff, "handoff.moved") || has(handoff, "handoff.missed"))
    ? []
    : [`lost: ${key} "${text}" reached no agent (${handoffId})`];
}

const isOpen = ({ status }: Handoff): boolean => status === "pending" || status === "acknowledged";
const isReopened = (handoff: Handoff): boolean =>
  handoff.events.some(({ type, data }) => type === "handoff.requested" && data["because"] === "reopened");

/** The event's place in its conversation, as its id tells: `evt_<conversation>_<n>`. */
const placeOf = ({ id }: Heard): number => Number(id.slice(id.lastIndexOf("_") + 1));

/** Callbacks: each event at least once under its own id, first occurrences in order; and in them each word of an agent once. */
function whatDidNotReachTheBot(book: Book): string[] {
  const { acts, ends, keyAt } = book;
  const faults: string[] = [];
  const newest = new Map<string, number>();
  const latest = new Map<string, string>();
  const seen = new Map<string, string>();
  for (const event of ends.heard) {
    const key = String(event.data["conversationId"]);
    const content = JSON.stringify([event.type, event.data["message"]?.text ?? null]);
    const before = seen.get(event.id);
    if (before !== undefined && before !== content) faults.push(`one id for two events: ${event.id}`);
    else if (before !== undefined && latest.get(key) !== event.id)
      faults.push(`repeated late: ${event.type} ${event.id}`);
    else if (before === undefined && placeOf(event) < (newest.get(key) ?? 0))
      faults.push(`out of order: ${event.type} ${event.id} came after ${latest.get(key)}`);
    if (before === undefined) newest.set(key, placeOf(event));
    seen.set(event.id, content);
    latest.set(key, event.id);
  }
  for (const { id, key, events } of ends.handoffs)
    for (const event of events)
      if (isTold(event) && !seen.has(event.id))
        faults.push(`lost: the bot of ${key} never heard of ${event.type} (${event.id}, ${id})`);

  const there = new Map(ends.standing.map((one) => [nameOf(one), one]));
  const keyThere = (name: string) => {
    const standing = there.get(name);
    return standing === undefined ? null : keyAt(standing);
  };
  const wrote = of(acts, "wrote").map((act) => ({ ...act, stream: `${act.desk} ${act.there}` }));
  const streamOf = new Map(wrote.map(({ text, stream }) => [text, stream]));
  const got: Got[] = [];
  for (const { id, type, data } of ends.heard) {
    if (type !== "message.created") continue;
    const text = String(data["message"]?.text);
    const stream = streamOf.get(text) ?? `conversation ${data["conversationId"]}`;
    const key = keyThere(stream);
    if (key !== null && key !== data["conversationId"])
      faults.push(`astray: "${text}" was written for ${key} and told to ${data["conversationId"]}`);
    got.push({ id, stream, text });
  }
  const unheard = wrote.filter((one) => mayGoUnheard(book, one, keyThere(one.stream))).map(({ text }) => text);
  const maySkip = new Set([...unheard, ...wordsAfterAnEnd({ acts })]);
  faults.push(...faultsOf(wrote, got, { mayRepeat: true, maySkip }));
  const secrets = of(acts, "noted").map(({ text }) => text);
  const told = [
    ...ends.heard.map(({ data }) => JSON.stringify(data)),
    ...ends.conversations.flatMap(({ messages }) => messages.map(({ text }) => text)),
  ];
  for (const text of told)
    if (secrets.some((secret) => text.includes(secret))) faults.push(`a note left the helpdesk: ${text}`);
  return faults;
}

/** Who hears of what: all of these, but of messages an agent's alone. */
const TOLD =
  /^(?:message\.created|handoff\.(?:opened|acknowledged|resolved|cancelled|missed)|lead\.captured|control\.changed)$/;
const isTold = ({ type, data }: Heard): boolean =>
  TOLD.test(type) && (type !== "message.created" || data["actor"]?.kind === "agent");

/** Words into a conversation that its bot has ended, or that Baton has given up for another helpdesk or a lead. */
function mayGoUnheard(
  { acts, ends }: Book,
  { there, desk }: Extract<Act, { did: "wrote" }>,
  key: string | null,
): boolean {
  const handoffId = ends.standing.find((one) => one.there === there && one.desk === desk)?.handoffId;
  const handoff = ends.handoffs.find(({ id }) => id === handoffId);
  return mayHaveLeft(handoff) || of(acts, "ends").some((act) => act.key === key);
}

/**
 * A fault that is known and not mended yet: a visitor's words that were on their way while an agent ended the conversation open it
 * again in the helpdesk; when the bot has asked for a person anew by then, or the webhook about it is lost, nobody passes on what
 * the team writes there. Gives those words, so that a run can count them; everything else that is lost is told as lost.
 */
export function wordsAfterAnEnd({ acts }: Pick<History, "acts">): ReadonlySet<string> {
  const ended = new Set<string>();
  const texts = new Set<string>();
  for (const act of of(acts, "resolved", "wrote")) {
    const name = `${act.desk} ${act.there}`;
    if (act.did === "resolved") ended.add(name);
    else if (ended.has(name)) texts.add(act.text);
  }
  return texts;
}

/** The bot has no word while a person has control, and control comes back only by somebody's doing. */
function whoSpokeOutOfTurn({ acts, ends, keyAt }: Book): string[] {
  const faults: string[] = [];
  for (const { key, text, control, epoch, knew } of of(acts, "bot_said"))
    if (control === "human" || epoch <= knew)
      faults.push(
        `control: the bot of ${key} was told of a person (epoch ${knew}), and "${text}" was taken (epoch ${epoch})`,
      );
  const resolvedThere = new Set(of(acts, "resolved").map(({ desk, there }) => `${desk} ${there}`));
  const resolved = new Set(ends.standing.filter((one) => resolvedThere.has(nameOf(one))).map(keyAt));
  const ended = new Set(of(acts, "ends").map(({ handoffId }) => handoffId));
  for (const { id, key, events } of ends.handoffs) {
    for (const { type, data } of events) {
      if (type === "message.created" && data["actor"]?.kind === "bot" && data["control"] === "human")
        faults.push(
          `control: a bot's message of ${key} was stored while a person had control: "${data["message"]?.text}"`,
        );
      if (type !== "handoff.resolved" && type !== "handoff.cancelled") continue;
      const because = String(data["because"]);
      const isCaused = because.startsWith("agent_") ? resolved.has(key) : because.startsWith("bot_") && ended.has(id);
      if (!isCaused) faults.push(`invented: ${type} of ${id} (${key}), because ${because}, which nobody did`);
    }
  }
  const refused = new Set(of(acts, "bot_refused").map(({ text }) => text));
  for (const there of ends.standing)
    for (const { text } of there.lines)
      if (refused.has(text)) faults.push(`control: refused words of a bot stand in ${nameOf(there)}: "${text}"`);
  return faults;
}

/** Each form once, with consent on record, in the helpdesk and told to the bot. */
function whatBecameOfLeads({ acts, ends }: Book): string[] {
  const left = of(acts, "left_details");
  const emails = left.map(({ email }) => email);
  const notes = ends.standing.flatMap(({ lines }) =>
    lines.flatMap(({ by, text }) => emails.filter((email) => by === "note" && text.includes(email))),
  );
  const captured = ends.heard
    .filter(({ type }) => type === "lead.captured")
    .map(({ id, data }) => ({ id, text: String(data["handoff"]?.id) }));
  const hasDesk = ends.standing.length > 0;
  return [
    ...inAnyOrder(
      "lead",
      emails,
      ends.leads.map(({ email }) => ({ text: email })),
      false,
    ),
    ...ends.leads.filter(({ hasConsent }) => !hasConsent).map(({ email }) => `without consent: the lead ${email}`),
    ...(hasDesk
      ? inAnyOrder(
          "note of the lead",
          emails,
          notes.map((text) => ({ text })),
          false,
        )
      : []),
    ...inAnyOrder(
      "lead.captured of",
      left.map(({ handoffId }) => handoffId),
      captured,
      true,
    ),
  ];
}

/** Each is a stream of its own: no order is promised between them. */
function inAnyOrder(
  name: string,
  texts: readonly string[],
  got: readonly Omit<Got, "stream">[],
  mayRepeat: boolean,
): string[] {
  const apart = <One extends { text: string }>(one: One): One & Sent => ({ ...one, stream: `${name} ${one.text}` });
  return faultsOf(
    texts.map((text) => apart({ text })),
    got.map(apart),
    { mayRepeat },
  );
}

/** After the calm, Baton and the helpdesks say the same of every handoff. */
function whatDisagrees({ acts, ends, handoffs, keyAt }: Book): string[] {
  const faults: string[] = [];
  for (const { handoffId } of of(acts, "ended")) {
    const handoff = handoffs.get(handoffId);
    if (handoff !== undefined && isOpen(handoff))
      faults.push(`undone: ${handoffId} was ended and is ${handoff.status}`);
  }
  for (const handoff of ends.handoffs)
    if (isOpen(handoff) && handoff.mode === "live" && !has(handoff, "handoff.opened") && !isReopened(handoff))
      faults.push(`never opened: ${handoff.id} (${handoff.key}) still waits to be opened`);
  for (const there of ends.standing) {
    const last = handoffs.get(there.handoffId);
    if (last === undefined) continue;
    const open = ends.handoffs.find((one) => one.key === keyAt(there) && isOpen(one) && one.mode === "live");
    const standsElsewhere = ends.standing.some((one) => one.handoffId === last.id && !one.isResolved);
    if (there.isResolved && open?.id === last.id && !(standsElsewhere && mayHaveLeft(last)))
      faults.push(`disagrees: ${nameOf(there)} is resolved, ${last.id} is ${last.status}`);
    const isEndedHere = of(acts, "ends").some(({ handoffId }) => handoffId === last.id);
    if (!there.isResolved && isEndedHere && !isOpen(last) && open === undefined)
      faults.push(`disagrees: ${nameOf(there)} is open, ${last.id} is ${last.status} and nobody listens`);
  }
  return faults;
}
