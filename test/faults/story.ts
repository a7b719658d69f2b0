import { setTimeout as pause } from "node:timers/promises";
import type { Desk } from "./desk.ts";
import type { Act } from "./record.ts";
import { insist } from "./sides.ts";
import type { Answer, Listener } from "./sides.ts";

export interface StorySide {
  /** Where this story's requests go. */
  readonly url: string;
  readonly key: string;
  readonly desk: Desk;
  readonly bot: Listener;
  readonly leadBot: Listener;
  readonly botToken: string;
  readonly leadToken: string;
  readonly keep: (act: Act) => void;
  /** Told +1 when a helpdesk is to open a conversation, and -1 when it has. */
  readonly opening: (change: 1 | -1) => void;
}

const LOOK_EVERY_MS = 15;
const LONGEST_MS = 90_000;

const stateOf = ({ body: { control, epoch, handoff } }: Answer) => ({ control, epoch, mode: handoff?.mode ?? null });

/** Together they hold every kind of thing that Baton writes or sends. */
export const CHAPTERS = ["lead", "team", "bot"] as const;
export type Chapter = (typeof CHAPTERS)[number];

/**
 * A visitor leaves details; or a handoff is opened, answered, reassigned and ended by the team, and the bot has a word; or the bot
 * ends it. Each step is made when the side that waits for the one before has it.
 */
export async function tellStory(side: StorySide, chapter: Chapter): Promise<void> {
  const { key, desk, bot, leadBot, keep, opening } = side;
  const deskName = desk.label ?? desk.name;
  const send = async (
    path: string,
    given: { token: string; key?: string; body?: unknown },
    statuses: readonly number[],
  ) => {
    const answer = await insist(side.url + path, given, (what) => keep({ did: "wrong", what }));
    if (!statuses.includes(answer.status))
      keep({ did: "wrong", what: `unexpected: ${path}: ${answer.status} ${JSON.stringify(answer.body)}` });
    return answer;
  };
  const until = async (what: string, isSo: () => boolean) => {
    for (const end = performance.now() + LONGEST_MS; !isSo(); await pause(LOOK_EVERY_MS))
      if (performance.now() > end) throw new Error(`${key}: ${what} did not happen within ${LONGEST_MS} ms`);
  };
  const there = (handoffId: string) => desk.standing().find((one) => one.handoffId === handoffId);
  const sees = (handoffId: string, text: string) => () =>
    there(handoffId)?.lines.some((line) => line.by === "visitor" && line.text === text) ?? false;
  const hears = (text: string) => () => bot.heard.some(({ data }) => data["message"]?.text === text);
  const hearsEnd = (handoffId: string) => () =>
    bot.heard.some(({ type, data }) => type === "handoff.resolved" && data["handoff"]?.id === handoffId);

  async function ask(number: number): Promise<string> {
    const text = `${key} asks ${number}`;
    const conversation = { id: key, visitor: { id: key, name: key }, messages: [{ id: text, role: "visitor", text }] };
    const answer = await send("/v1/handoffs", { token: side.botToken, key: text, body: { conversation } }, [201]);
    const handoffId = String(answer.body["handoff"]?.id);
    keep({ did: "asked", key, text, handoffId, ...stateOf(answer) });
    return handoffId;
  }

  async function say(handoffId: string, text: string): Promise<void> {
    const path = `/v1/conversations/${key}/messages`;
    const answer = await send(path, { token: side.botToken, body: { text, id: text } }, [200, 201]);
    keep({ did: "said", key, text, handoffId, ...stateOf(answer) });
  }

  async function leaveDetails(): Promise<void> {
    const leadKey = `lead-${key}`;
    const text = `${leadKey} asks`;
    const token = side.leadToken;
    const conversation = { id: leadKey, messages: [{ id: text, role: "visitor", text }] };
    const asked = await send("/v1/handoffs", { token, key: text, body: { conversation } }, [201]);
    const handoffId = String(asked.body["handoff"]?.id);
    keep({ did: "asked", key: leadKey, text, handoffId, ...stateOf(asked) });
    const email = `${leadKey}@example.com`;
    const body = { fields: { name: key, email }, terms: { accepted: true } };
    await send(`/v1/handoffs/${handoffId}/lead`, { token, key: `${text} form`, body }, [201]);
    keep({ did: "left_details", key: leadKey, handoffId, email });
    await until(
      "the note of the lead",
      () => there(handoffId)?.lines.some((line) => line.text.includes(email)) ?? false,
    );
    await until("lead.captured", () => leadBot.heard.some(({ data }) => data["handoff"]?.id === handoffId));
  }

  async function untilTheTeamEndsIt(): Promise<void> {
    opening(1);
    const first = await ask(1);
    await say(first, `${key} says 2`);
    await until("the opening", sees(first, `${key} says 2`));
    opening(-1);
    const at = { desk: deskName, there: there(first)!.there };
    const write = (text: string) => {
      keep({ did: "wrote", ...at, text });
      desk.reply(at.there, text);
    };
    write(`${key}: agent 1.`);
    await until("the agent's first word", hears(`${key}: agent 1.`));
    const answer = await insist(`${side.url}/v1/conversations/${key}/messages`, {
      token: side.botToken,
      key: `${key} interrupts`,
      body: { role: "bot", text: `${key} interrupts.` },
    });
    if (answer.status === 409) keep({ did: "bot_refused", key, text: `${key} interrupts.` });
    else keep({ did: "wrong", what: `control: a bot's word under human control was answered ${answer.status}` });
    keep({ did: "assigned", ...at });
    desk.assign(at.there, 1);
    await say(first, `${key} says 3`);
    await until("the visitor's answer", sees(first, `${key} says 3`));
    keep({ did: "noted", ...at, text: `a secret about ${key}.` });
    desk.note(at.there, `a secret about ${key}.`);
    write(`${key}: agent 2.`);
    keep({ did: "resolved", ...at });
    desk.resolve(at.there);
    await until("the agent's last word", hears(`${key}: agent 2.`));
    await until("the end", hearsEnd(first));
    const said = await send(
      `/v1/conversations/${key}/messages`,
      { token: side.botToken, key: `${key} bot`, body: { role: "bot", text: `${key}: the bot.` } },
      [201],
    );
    keep({ did: "bot_said", key, text: `${key}: the bot.`, knew: 0, ...stateOf(said) });
  }

  async function untilTheBotEndsIt(): Promise<void> {
    opening(1);
    const second = await ask(4);
    await until("the opening", sees(second, `${key} asks 4`));
    await until("handoff.opened", () =>
      bot.heard.some(({ type, data }) => type === "handoff.opened" && data["handoff"]?.id === second),
    );
    opening(-1);
    keep({ did: "ends", key, handoffId: second });
    await send(`/v1/handoffs/${second}/resolve`, { token: side.botToken, key: `${key} ends` }, [200]);
    keep({ did: "ended", key, handoffId: second });
    await until("the end in the helpdesk", () => there(second)?.isResolved === true);
    await until("the bot's own end", hearsEnd(second));
  }

  const chapters = { lead: leaveDetails, team: untilTheTeamEndsIt, bot: untilTheBotEndsIt };
  await chapters[chapter]();
}
