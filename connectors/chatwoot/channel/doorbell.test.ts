import { existsSync, readFileSync, readdirSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { channelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import type { ChannelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import type { ChatwootOptions, SentWebhook } from "../../../test/simulators/chatwoot/index.ts";
import { receiver, stopAll } from "../../../test/simulators/chatwoot/testing.ts";
import { toInbound } from "../inbound.ts";
import type { Receiver } from "../inbound.ts";

let world: ChannelBench;
afterEach(stopAll);

const form = {
  fields: [{ name: "email", type: "email", label: "E-mail", required: true }],
  terms: null,
  submitLabel: "Send",
} as const;

/** Chatwoot tells its agent bot, and the account's webhook beside it. */
async function start(options: ChatwootOptions = {}, given: Record<string, unknown> = {}) {
  world = await channelBench(options, given);
  const hook = await receiver();
  world.simulator.changeBot(world.botId, { outgoingUrl: hook.url });
  world.simulator.addAccountWebhook({ url: `${hook.url}/account` });
  return world;
}
afterEach(() => world?.stop());

/** What the webhooks since then come to. */
async function rung(act: () => unknown): Promise<{ hosted: string[]; events: number; keys: string[] }> {
  await world.simulator.settled();
  const before = world.simulator.webhooksSent().length;
  await act();
  await world.simulator.settled();
  const sent = world.simulator.webhooksSent().slice(before).map(read);
  return {
    hosted: [...new Set(sent.flatMap(({ hosted = [] }) => hosted))],
    events: sent.flatMap(({ events }) => events).length,
    keys: [...new Set(sent.filter(({ hosted }) => hosted?.length).map(({ dedupeKey }) => dedupeKey))],
  };
}
const read = ({ rawBody }: Pick<SentWebhook, "rawBody">) => world.connector.toInbound(JSON.parse(rawBody));

describe("news of a conversation in which the bot answers", () => {
  test.each<[string, (id: number) => unknown]>([
    ["the visitor's words", (id) => world.simulator.visitorAnswers(id, "Hello?")],
    ["a person's words", (id) => world.simulator.agentReplies(id, { agentId: world.simulator.agentId, content: "Hi" })],
    ["being assigned", (id) => world.simulator.assign(id, world.simulator.agentId)],
    ["being opened", (id) => world.simulator.reopen(id, world.simulator.agentId)],
    ["being resolved", (id) => world.simulator.resolve(id)],
    ["being put off", (id) => world.simulator.snooze(id, null)],
  ])("are %s", async (_what, act) => {
    const id = (await start()).visitorAsks();
    const { hosted, events } = await rung(() => act(Number(id)));
    expect({ hosted, events }).toEqual({ hosted: [id], events: 0 });
  });

  test("are a form that was sent, and no second time when that message is touched again", async () => {
    const { visitorAsks, say, simulator } = await start();
    const id = visitorAsks();
    await say({ conversationId: id, form });
    const shown = simulator.visitorSees(Number(id)).at(-1)?.messageId ?? 0;
    const sent = await rung(() => simulator.visitorSubmitsForm(shown, { email: "ana@example.com" }));
    expect(sent.hosted).toEqual([id]);
    const again = await rung(() => simulator.touchMessage(shown));
    expect(again.keys).toEqual(sent.keys);
  });

  test("are nothing that only the team sees, nor the bot's own words", async () => {
    const { visitorAsks, say, simulator } = await start();
    const id = visitorAsks();
    const note = { agentId: simulator.agentId, content: "A note" };
    const { hosted } = await rung(() => simulator.agentWritesNote(Number(id), note));
    const own = await rung(() => say({ conversationId: id }));
    expect([hosted, own.hosted]).toEqual([[], []]);
  });

  test("are nothing of another inbox, or account", async () => {
    const { simulator, visitorAsks } = await start();
    const other = simulator.addWebsiteInbox({ name: "Other" });
    expect((await rung(() => simulator.visitorWrites(other, { text: "Hi" }))).hosted).toEqual([]);
    visitorAsks();
    await simulator.settled();
    for (const { rawBody } of simulator.webhooksSent()) {
      const { account, conversation, ...body } = JSON.parse(rawBody);
      const foreign = { ...body, account: { id: 99 }, ...(conversation && { conversation }) };
      expect([account?.id, world.connector.toInbound(foreign).hosted ?? []]).toEqual([simulator.accountId, []]);
    }
  });

  test("have one key for the bot's webhook and the account's, and another for each change", async () => {
    const { visitorAsks, simulator } = await start();
    const id = Number(visitorAsks());
    const changes = [
      () => simulator.assign(id, simulator.agentId),
      () => simulator.assign(id, null),
      () => simulator.assign(id, simulator.agentId),
      () => simulator.setStatus(id, "open"),
      () => simulator.setStatus(id, "pending"),
      () => simulator.setStatus(id, "open"),
      () => simulator.visitorAnswers(id, "same"),
      () => simulator.visitorAnswers(id, "same"),
    ];
    const seen = new Set<string>();
    for (const change of changes) {
      const { keys } = await rung(change);
      expect(keys.filter((key) => seen.has(key))).toEqual([]);
      for (const key of keys) seen.add(key);
    }
    const messages = simulator.webhooksSent().filter(({ event }) => event === "message_created");
    expect(new Set(messages.map((webhook) => read(webhook).dedupeKey)).size).toBe(3);
    expect(messages).toHaveLength(6);
  });

  test("ring without a signature as well", async () => {
    const { visitorAsks } = await start({ version: "4.11.0" }, { webhookSecret: null });
    const id = visitorAsks();
    const { hosted, events } = await rung(() => world.simulator.visitorAnswers(Number(id), "Hello?"));
    expect({ hosted, events }).toEqual({ hosted: [id], events: 0 });
  });

  test("of the API inbox are told as before", async () => {
    const { simulator, bench } = await start();
    const { conversationId } = simulator.visitorWrites(simulator.inboxId, { text: "Hi" });
    await simulator.settled();
    const told = simulator.webhooksSent().map(read);
    expect(told.flatMap(({ hosted = [] }) => hosted)).toEqual([]);
    expect(told.flatMap(({ events }) => events)).toContainEqual(
      expect.objectContaining({ type: "status", conversationId: String(conversationId) }),
    );
    expect(bench.connector.channel).toBeUndefined();
  });
});

const samples = new URL("../../../../shared/contracts/chatwoot-webhook-samples/", import.meta.url);
const areThere = existsSync(samples);

describe("the samples of the contract", () => {
  const site: Receiver = { accountId: 1, inboxId: 5, botInboxIds: [6], isSigned: true };
  // Written down by hand: what is of the website 6, and no note, typing or widget.
  const ringing = [
    "account.message_created.template_out_of_office.json",
    "account.message_updated.form_submitted.json",
    "account.message_updated.input_email_submitted.json",
    "account.message_updated.input_select_submitted.json",
    "agent_bot.conversation_opened.json",
    "agent_bot.conversation_resolved.json",
    "agent_bot.conversation_status_changed.json",
    "agent_bot.conversation_updated.handoff.json",
    "agent_bot.message_created.incoming_pending.json",
  ];

  test.skipIf(!areThere)("of a website ring, and say nothing", () => {
    const names = readdirSync(samples).filter((name) => /^(account|api_inbox|agent_bot)\./.test(name));
    const told = names.flatMap((name) => {
      const inbound = toInbound(JSON.parse(readFileSync(new URL(name, samples), "utf8")), site);
      return inbound.hosted ? [{ name, ...inbound }] : [];
    });
    expect(told.map(({ name }) => name)).toEqual(ringing);
    expect(told.flatMap(({ events }) => events)).toEqual([]);
    expect(new Set(told.map(({ dedupeKey }) => dedupeKey)).size).toBe(ringing.length);
  });
});
