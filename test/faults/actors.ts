import { setTimeout as pause } from "node:timers/promises";
import type { FarConversation, FarSide } from "./far-sides.ts";
import type { Sent } from "./history.ts";
import { ask, insist } from "./sides.ts";

/** Every fifth conversation is ended by its bot and begun again; there, no agent writes into the end. */
export const begunAgain = (index: number): boolean => index % 5 === 0;

export interface Opened {
  readonly id: string;
  readonly key: string;
}

/** What the bots and agents did and were told, whatever happened to the program in between. */
export interface Record {
  readonly handoffs: Opened[];
  readonly toHelpdesk: Sent[];
  readonly toBot: { readonly helpdeskId: string; readonly text: string }[];
  readonly leads: { readonly handoffId: string; readonly email: string }[];
  /** Words that stay with the bot: acknowledged and kept, told to nobody. */
  readonly kept: Sent[];
  /** Answers that no order of events allows. */
  readonly wrong: string[];
}

const MESSAGES_BEFORE_END = 12;
/** Leaves the machine to others, too. */
const PAUSE_MS = 2;

export interface Side {
  readonly url: string;
  readonly token: string;
  readonly record: Record;
}

/** A bot with one conversation: asks for a person, passes the visitor's words on, and tries to get a word in itself. */
export async function converse(
  side: Side & { index: number; random: () => number; until: () => boolean },
): Promise<void> {
  const { url, token, index, record, random, until } = side;
  const key = `c-${index}`;
  const messages = `${url}/v1/conversations/${key}/messages`;
  let number = 0;
  let hasEnded = false;
  let handoff = await open(1);

  async function open(time: number): Promise<string> {
    const text = `${key} asks for a person, ${time}`;
    const body = {
      conversation: {
        id: key,
        visitor: { id: key, name: `Visitor ${index}` },
        messages: [{ id: text, role: "visitor", text }],
      },
      callbackUrl: null,
    };
    const answer = await insist(`${url}/v1/handoffs`, { token, key: `${key} ${time}`, body });
    const id = String(answer.body["handoff"]?.id);
    if (answer.status !== 201) record.wrong.push(`${text}: ${answer.status} ${JSON.stringify(answer.body)}`);
    record.handoffs.push({ id, key });
    record.toHelpdesk.push({ stream: id, text });
    return id;
  }

  /** What is said in a handoff that ends before it is opened never gets to the helpdesk, and need not. */
  async function isOpened(): Promise<boolean> {
    const found = await insist(`${url}/v1/handoffs/${handoff}`, { method: "GET", token });
    return found.body["handoff"]?.opened === true;
  }

  async function beginAgain(): Promise<void> {
    hasEnded = true;
    await insist(`${url}/v1/handoffs/${handoff}/resolve`, { token, key: `${key} ends` });
    const text = `${key} is back`;
    const bot = await insist(messages, { token, body: { role: "bot", text, id: text } });
    if (bot.status > 299) record.wrong.push(`${key}: the bot has control, and was answered ${bot.status}`);
    handoff = await open(2);
  }

  while (!until()) {
    await pause(40 + random() * 260);
    number += 1;
    const text = `${key} says ${number}`;
    // Half of them are known again by the key of the request, half by the message's own id.
    const own = number % 2 === 0 ? { body: { text }, key: text } : { body: { text, id: text } };
    const said = await insist(messages, { token, ...own });
    if (said.status > 299) record.wrong.push(`${text}: ${said.status} ${JSON.stringify(said.body)}`);
    record.toHelpdesk.push({ stream: handoff, text });
    if (number % 7 === 0) {
      const bot = await ask(messages, { token, body: { role: "bot", text: `${key} interrupts ${number}` } });
      if (bot !== null && bot.status < 500 && bot.status !== 409)
        record.wrong.push(`${key}: a bot's message under human control was answered ${bot.status}`);
    }
    if (number >= MESSAGES_BEFORE_END && begunAgain(index) && !hasEnded && (await isOpened())) await beginAgain();
  }
  // Whoever had no chance in the time of the kills has it now.
  while (begunAgain(index) && !hasEnded) {
    await pause(200);
    if (await isOpened()) await beginAgain();
  }
}

export async function leaveDetails({ url, token, record, count }: Side & { count: number }): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const key = `lead-${index}`;
    const body = { conversation: { id: key, messages: [{ id: "m1", role: "visitor", text: "Is anybody there?" }] } };
    const asked = await insist(`${url}/v1/handoffs`, { token, key, body });
    const handoffId = String(asked.body["handoff"]?.id);
    const email = `${key}@example.com`;
    const details = { fields: { name: `Visitor ${index}`, email }, terms: { accepted: true } };
    const left = await insist(`${url}/v1/handoffs/${handoffId}/lead`, { token, key: `${key} form`, body: details });
    if (left.status !== 201) record.wrong.push(`${key}: ${left.status} ${JSON.stringify(left.body)}`);
    record.leads.push({ handoffId, email });
    await pause(600);
  }
}

/** Agents answer in their helpdesk whenever they like: while Baton is down, too. */
export async function reply(given: {
  far: FarSide;
  record: Record;
  random: () => number;
  until: () => boolean;
}): Promise<void> {
  const { far, record, random, until } = given;
  for (let number = 1; !until(); number += 1) {
    await pause(20 + random() * 60);
    const theirs = (await far.conversations()).filter(isOfTwoWays);
    const conversation = theirs[Math.floor(random() * theirs.length)];
    if (conversation === undefined) continue;
    const text = `agent says ${number}`;
    await far.reply(conversation.id, text);
    record.toBot.push({ helpdeskId: conversation.id, text });
  }
}

/** Told by what stands there, as an agent would: a request for a person in a conversation that is not to be begun again. */
function isOfTwoWays({ lines }: FarConversation): boolean {
  const asked = lines.find(({ by }) => by === "visitor");
  const index = /^c-(\d+) asks/.exec(asked?.text ?? "")?.[1];
  return index !== undefined && !begunAgain(Number(index));
}

/** A bot that tells Baton what its visitor says, as fast as it gets answers. */
export async function tell(side: Side & { index: number; until: () => boolean }): Promise<void> {
  const { url, token, index, record, until } = side;
  const key = `told-${index}`;
  await insist(`${url}/v1/conversations/${key}`, { method: "PUT", token, body: {} });
  for (let number = 1; !until(); number += 1) {
    const text = `${key} says ${number}`;
    await insist(`${url}/v1/conversations/${key}/messages`, { token, body: { text, id: text } });
    record.kept.push({ stream: key, text });
    await pause(PAUSE_MS);
  }
}

/** What Baton kept of those conversations. */
export async function readBack({ url, token }: Omit<Side, "record">, count: number): Promise<Sent[]> {
  const found: Sent[] = [];
  for (let index = 0; index < count; index += 1) {
    const stream = `told-${index}`;
    for (let cursor: string | null = "0"; cursor !== null;) {
      const path = `/v1/conversations/${stream}/messages?limit=500&cursor=${cursor}`;
      const page = await insist(url + path, { method: "GET", token });
      for (const message of page.body["items"]) found.push({ stream, text: message["text"] });
      cursor = page.body["nextCursor"];
    }
  }
  return found;
}
