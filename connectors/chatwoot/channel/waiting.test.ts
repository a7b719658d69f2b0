import { afterEach, describe, expect, test } from "vitest";
import { channelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";
import type { ChannelBench } from "../../../test/contracts/chatwoot-channel-bench.ts";

let world: ChannelBench;
afterEach(() => world.stop());

let now = new Date("2026-11-20T12:00:00Z");
const pass = (seconds: number) => void (now = new Date(now.getTime() + seconds * 1_000));
const start = async () => (world = await channelBench({ clock: () => now }));
const asked = () => world.simulator.requests().length;

describe("what waits for the bot", () => {
  test("are pending conversations of its inboxes, newest activity first, each with the visitor's newest message", async () => {
    const { simulator, channel, site, whatsApp } = await start();
    const first = simulator.visitorWrites(site, { text: "One", visitor: "a" });
    pass(1);
    const second = simulator.visitorWrites(whatsApp, { text: "Two", visitor: "b" });
    pass(1);
    const other = simulator.addWebsiteInbox({ name: "Other", botId: world.botId });
    simulator.visitorWrites(other, { text: "Not ours", visitor: "c" });
    const open = simulator.visitorWrites(site, { text: "Open", visitor: "d" });
    simulator.reopen(open.conversationId);
    pass(1);
    const newest = simulator.visitorAnswers(first.conversationId, "More");
    expect(await channel.waiting()).toEqual([
      { conversationId: String(first.conversationId), newestExternalId: String(newest) },
      { conversationId: String(second.conversationId), newestExternalId: String(second.messageId) },
    ]);
  });

  test("the visitor's newest message is told behind the bot's answer, and looked for once", async () => {
    const { simulator, channel, site, say } = await start();
    const { conversationId, messageId } = simulator.visitorWrites(site, { text: "Hi" });
    await say({ conversationId: String(conversationId) });
    const wanted = [{ conversationId: String(conversationId), newestExternalId: String(messageId) }];
    expect(await channel.waiting()).toEqual(wanted);
    const before = asked();
    expect(await channel.waiting()).toEqual(wanted);
    expect(asked() - before).toBe(3);
  });

  test("a form that was sent is told as what it is read as", async () => {
    const { simulator, channel, say, read, visitorAsks } = await start();
    const id = visitorAsks();
    const fields = [{ name: "email", type: "email", label: "E-mail", required: true }] as const;
    await say({ conversationId: id, form: { fields, terms: null, submitLabel: "Send" } });
    await channel.waiting();
    const shown = simulator.visitorSees(Number(id)).at(-1)?.messageId ?? 0;
    simulator.visitorSubmitsForm(shown, { email: "ana@example.com" });
    const [waiting] = await channel.waiting();
    expect(waiting?.newestExternalId).toBe(`${shown}:sent`);
    expect((await read(id)).messages.at(-1)).toMatchObject({ externalId: waiting?.newestExternalId });
  });

  test("a conversation in which the visitor took everything back is none", async () => {
    const { simulator, channel, site } = await start();
    const { messageId } = simulator.visitorWrites(site, { text: "Oops" });
    simulator.deleteMessage(messageId);
    expect(await channel.waiting()).toEqual([]);
  });

  test("of many, all of the last day, and of older ones the newest", async () => {
    const { simulator, channel, site } = await start();
    for (let i = 0; i < 40; i += 1) simulator.visitorWrites(site, { text: "Long ago", visitor: `old-${i}` });
    pass(2 * 86_400);
    for (let i = 0; i < 30; i += 1) simulator.visitorWrites(site, { text: "Today", visitor: `new-${i}` });
    expect(await channel.waiting()).toHaveLength(30);
    pass(2 * 86_400);
    expect(await channel.waiting()).toHaveLength(25);
  });
});
