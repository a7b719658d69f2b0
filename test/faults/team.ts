import { setTimeout as pause } from "node:timers/promises";
import { isEndedByBot } from "./bots.ts";
import type { Desk } from "./desk.ts";
import type { Act } from "./record.ts";
import { insist } from "./sides.ts";

export interface TeamSide {
  readonly keep: (act: Act) => void;
  readonly until: () => boolean;
  readonly random: () => number;
  readonly every: readonly [number, number];
  /** The bot's conversation that a handoff is for; undefined as long as nobody was told of it. */
  readonly keyOf: (handoffId: string) => string | undefined;
}

/** The people of a helpdesk: they write, leave notes, take conversations, let go of them and end them, whenever they like. */
export async function workAtDesk(side: TeamSide & { desk: Desk }): Promise<void> {
  const { desk, keep, random, until, keyOf } = side;
  const [least, most] = side.every;
  for (let number = 1; !until(); number += 1) {
    await pause(least + random() * (most - least));
    const open = desk.open().filter(({ handoffId }) => isForATeam(keyOf(handoffId)));
    const one = open[Math.floor(random() * open.length)];
    if (one === undefined) continue;
    const { there } = one;
    const at = { desk: desk.name, there };
    const chance = random();
    const write = (text: string) => {
      keep({ did: "wrote", ...at, text });
      desk.reply(there, text);
    };
    const mayEnd = !isEndedByBot(keyOf(one.handoffId) ?? "");
    if (chance < 0.04 && mayEnd) {
      write(`${desk.name} says goodbye ${number}`);
      keep({ did: "resolved", ...at });
      desk.resolve(there);
    } else if (chance < 0.12) {
      keep({ did: "noted", ...at, text: `a secret of ${desk.name} ${number}.` });
      desk.note(there, `a secret of ${desk.name} ${number}.`);
    } else if (chance < 0.22) {
      keep({ did: "assigned", ...at });
      desk.assign(there, random() < 0.5 ? 0 : 1);
    } else if (chance < 0.27 && desk.isAssigned(there)) {
      keep({ did: "released", ...at });
      desk.release(there);
    } else write(`${desk.name} says ${number}.`);
  }
}

const isForATeam = (key: string | undefined): boolean => key !== undefined && !key.startsWith("lead-");

/** A member of the team at Baton's own inbox, which answers like any API: what is not answered is sent again. */
export async function workAtInbox(side: TeamSide & { url: string; token: string }): Promise<void> {
  const { keep, random, until, keyOf, token } = side;
  const [least, most] = side.every;
  const send = (path: string, given: { method?: string; body?: unknown; key?: string }) =>
    insist(side.url + path, { ...given, token }, (what) => keep({ did: "wrong", what }));
  for (let number = 1; !until(); number += 1) {
    await pause(least + random() * (most - least));
    const status = random() < 0.5 ? "pending" : "acknowledged";
    const { items = [] } = (await send(`/v1/handoffs?mode=live&status=${status}&limit=100`, { method: "GET" })).body;
    const one = items[Math.floor(random() * items.length)];
    if (one === undefined || !isForATeam(keyOf(one["id"]))) continue;
    const path = `/v1/handoffs/${one["id"]}`;
    const at = { desk: "inbox", there: String(one["id"]) };
    const chance = random();
    if (chance < 0.04 && !isEndedByBot(String(one["conversationId"]))) {
      keep({ did: "resolved", ...at });
      await send(`${path}/resolve`, { key: `resolve ${number}` });
    } else if (chance < 0.1 && status === "acknowledged") {
      keep({ did: "released", ...at });
      await send(`${path}/release`, { key: `release ${number}` });
    } else {
      const text = `inbox says ${number}.`;
      const answer = await send(`${path}/messages`, { key: text, body: { text, id: text } });
      if (answer.status === 201) keep({ did: "wrote", ...at, text });
      else if (answer.status !== 409) keep({ did: "wrong", what: `${text}: ${answer.status}` });
    }
  }
}
