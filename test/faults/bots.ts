import { setTimeout as pause } from "node:timers/promises";
import type { Act } from "./record.ts";
import { insist } from "./sides.ts";
import type { Answer, Asked, Json } from "./sides.ts";

/** A bot and those who write to it: what it needs, and where it writes down what it did and was told. */
export interface BotSide {
  readonly url: string;
  readonly token: string;
  readonly keep: (act: Act) => void;
  /** True when the run is over: what is begun is brought to its end. */
  readonly until: () => boolean;
  readonly random: () => number;
  /** Milliseconds between two acts: least and most. */
  readonly every: readonly [number, number];
}

/** Conversations that their bot ends and begins again; elsewhere only the team ends them. */
export const isEndedByBot = (key: string): boolean => key.startsWith("e-");

interface State {
  readonly control: "bot" | "human";
  readonly epoch: number;
  readonly mode: "live" | "lead" | null;
  readonly handoffId: string | null;
}

const stateOf = ({ control, epoch, handoff }: Json): State => ({
  control,
  epoch,
  mode: handoff?.mode ?? null,
  handoffId: handoff?.id ?? null,
});

const MESSAGES_BEFORE_END = 8;

/**
 * A bot with one conversation: asks for a person, passes the visitor's words on, tries to get a word in itself, and has its turn
 * again when nobody has control. Everything is sent until it is answered, with the same key.
 */
export async function converse(side: BotSide & { key: string }): Promise<void> {
  const { key, keep, random, until } = side;
  const messages = `/v1/conversations/${key}/messages`;
  let number = 0;
  let said = 0;
  /** The newest epoch of which the bot was told that a person has control. */
  let knew = 0;
  let known = await open();

  function send(path: string, given: Omit<Asked, "token">): Promise<Answer> {
    return insist(side.url + path, { ...given, token: side.token }, (what) => keep({ did: "wrong", what }));
  }

  function learn(state: State): State {
    if (state.control === "human") knew = Math.max(knew, state.epoch);
    return state;
  }

  function wrong(what: string, answer: Answer): void {
    keep({ did: "wrong", what: `unexpected: ${what}: ${answer.status} ${JSON.stringify(answer.body)}` });
  }

  async function open(): Promise<State> {
    number += 1;
    const text = `${key} asks ${number}`;
    const conversation = {
      id: key,
      visitor: { id: key, name: `Visitor of ${key}` },
      messages: [{ id: text, role: "visitor", text }],
    };
    const answer = await send("/v1/handoffs", { key: text, body: { conversation, callbackUrl: null } });
    const state = stateOf(answer.body);
    if ((answer.status !== 201 && answer.status !== 200) || state.handoffId === null) {
      wrong(text, answer);
      return state;
    }
    keep({ did: "asked", key, text, ...state, handoffId: state.handoffId });
    said = 0;
    return learn(state);
  }

  async function say(): Promise<State> {
    number += 1;
    said += 1;
    const text = `${key} says ${number}`;
    // Half of them are known again by the key of the request, half by the message's own id.
    const own = number % 2 === 0 ? { body: { text }, key: text } : { body: { text, id: text } };
    const answer = await send(messages, own);
    if (answer.status !== 201 && answer.status !== 200) {
      wrong(text, answer);
      return known;
    }
    const state = stateOf(answer.body);
    // A repeat by id is answered with the state of now, which is that of then only if nothing else has happened.
    const isOfThen = answer.status === 201 || state.handoffId === known.handoffId;
    keep({ did: "said", key, text, ...state, ...(!isOfThen && { mode: null, handoffId: null }) });
    return learn(state);
  }

  async function botSays(): Promise<State> {
    number += 1;
    const text = `${key}: the bot's ${number}`;
    const before = knew;
    const epoch = number % 3 === 0 ? { epoch: known.epoch } : {};
    const answer = await send(messages, { key: text, body: { role: "bot", text, ...epoch } });
    if (answer.status === 409 && ["human_in_control", "stale_turn"].includes(answer.body["code"])) {
      keep({ did: "bot_refused", key, text });
      return (await now()) ?? known;
    }
    if (answer.status !== 201) {
      wrong(text, answer);
      return known;
    }
    const state = stateOf(answer.body);
    keep({ did: "bot_said", key, text, knew: before, ...state });
    return state;
  }

  async function now(): Promise<State | null> {
    const answer = await send(`/v1/conversations/${key}`, { method: "GET" });
    if (answer.status !== 200) return null;
    const state = stateOf(answer.body);
    const isOpen = ["pending", "acknowledged"].includes(answer.body["handoff"]?.status);
    return learn(isOpen ? state : { ...state, mode: null, handoffId: null });
  }

  /** What is said in a handoff that ends before it is opened never gets to the helpdesk: here it is to get there. */
  async function isOpened(handoffId: string): Promise<boolean> {
    const answer = await send(`/v1/handoffs/${handoffId}`, { method: "GET" });
    return answer.body["handoff"]?.opened === true;
  }

  async function end(handoffId: string): Promise<State> {
    keep({ did: "ends", key, handoffId });
    const answer = await send(`/v1/handoffs/${handoffId}/resolve`, { key: `ends ${handoffId}` });
    if (answer.status === 200) keep({ did: "ended", key, handoffId });
    else wrong(`${key} ends ${handoffId}`, answer);
    return (await now()) ?? known;
  }

  async function next(): Promise<State> {
    const chance = random();
    const { handoffId } = known;
    if (known.control === "bot") return chance < 0.4 ? open() : chance < 0.7 ? botSays() : say();
    if (chance < 0.12) return botSays();
    const isToEnd = isEndedByBot(key) && said >= MESSAGES_BEFORE_END && handoffId !== null;
    return isToEnd && (await isOpened(handoffId)) ? end(handoffId) : say();
  }

  while (!until()) {
    await pause(between(side));
    known = await next();
  }
}

const between = ({ random, every: [least, most] }: Pick<BotSide, "random" | "every">): number =>
  least + random() * (most - least);

/** Visitors of a bot without a team: they leave their details, once they have agreed to the terms. */
export async function leaveDetails(side: BotSide & { count: number }): Promise<void> {
  const { keep, until } = side;
  const send = (path: string, given: Omit<Asked, "token">) =>
    insist(side.url + path, { ...given, token: side.token }, (what) => keep({ did: "wrong", what }));
  for (let index = 0; index < side.count && !until(); index += 1) {
    const key = `lead-${index}`;
    const text = `${key} asks`;
    const conversation = { id: key, messages: [{ id: text, role: "visitor", text }] };
    const asked = await send("/v1/handoffs", { key, body: { conversation } });
    const handoffId = String(asked.body["handoff"]?.id);
    keep({ did: "asked", key, text, ...stateOf(asked.body), handoffId });
    const email = `${key}@example.com`;
    const fields = { name: `Visitor ${index}`, email };
    const path = `/v1/handoffs/${handoffId}/lead`;
    const refused = await send(path, { key: `${key} unticked`, body: { fields, terms: { accepted: false } } });
    if (refused.status !== 422) keep({ did: "wrong", what: `a form without consent was answered ${refused.status}` });
    const left = await send(path, { key: `${key} form`, body: { fields, terms: { accepted: true } } });
    if (left.status === 201) keep({ did: "left_details", key, handoffId, email });
    else keep({ did: "wrong", what: `${key}: ${left.status} ${JSON.stringify(left.body)}` });
    await pause(between(side) * 3);
  }
}

/** A bot that tells Baton what its visitor says, as fast as it gets answers. */
export async function tell(side: BotSide & { key: string }): Promise<void> {
  const { key, keep, until } = side;
  const send = (path: string, given: Omit<Asked, "token">) =>
    insist(side.url + path, { ...given, token: side.token }, (what) => keep({ did: "wrong", what }));
  await send(`/v1/conversations/${key}`, { method: "PUT", body: {} });
  for (let number = 1; !until(); number += 1) {
    const text = `${key} says ${number}`;
    const answer = await send(`/v1/conversations/${key}/messages`, { body: { text, id: text } });
    if (answer.status === 201 || answer.status === 200) keep({ did: "said", key, text, ...stateOf(answer.body) });
    else keep({ did: "wrong", what: `${text}: ${answer.status} ${JSON.stringify(answer.body)}` });
    await pause(between(side));
  }
}
