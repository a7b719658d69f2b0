import { expect, test } from "vitest";
import { run } from "./run.ts";
import type { RunOptions } from "./run.ts";

const SEED = Number(process.env["FAULT_SEED"] ?? 20_261_120);

/** A slow machine gets as far; it only takes longer. */
const short: RunOptions = {
  seed: SEED,
  processes: 1,
  database: "sqlite",
  redis: false,
  helpdesk: "chatwoot",
  messages: 1_300,
  kills: 14,
  withinMs: 240_000,
  killEveryMs: [700, 2_200],
  troubleEveryMs: [800, 3_000],
  hasty: true,
  conversations: 25,
  tellers: 8,
  leads: 20,
};

const runs: readonly (readonly [string, RunOptions])[] = [
  ["SQLite and Chatwoot", short],
  ["SQLite and FreshChat", { ...short, helpdesk: "freshchat", messages: 700, kills: 6 }],
];

test.each(runs)(
  "killed again and again amid all kinds of trouble, it loses nothing, doubles nothing and keeps the order: %s",
  async (_name, options) => {
    const least = options.messages;
    console.log(`FAULT_SEED=${SEED}`);
    const { wrong, figures } = await run(options);
    console.log(JSON.stringify(figures));
    expect(wrong).toEqual([]);
    // So much has to have happened for the rest to say anything.
    const { messages, handoffs, processes, callbacks } = figures;
    const all = Object.values(messages).reduce((sum, one) => sum + one, 0);
    expect(all).toBeGreaterThanOrEqual(least);
    expect(messages.toTeam).toBeGreaterThan(least / 10);
    expect(messages.byTeam).toBeGreaterThan(least / 20);
    expect(callbacks.heard).toBeGreaterThan(messages.byTeam / 2);
    expect(handoffs.opened).toBeGreaterThan(options.conversations / 2);
    expect(handoffs.leads).toBeGreaterThan(2);
    expect(processes.kills).toBeGreaterThanOrEqual(options.kills);
  },
  420_000,
);
