import { afterEach, expect, test } from "vitest";
import type { FreshchatSimulator } from "../simulators/freshchat/index.ts";
import {
  incoming,
  inTime,
  isCreation,
  isList,
  notes,
  nothingOwed,
  ours,
  quiet,
  startFreshchatWorld,
} from "./freshchat-steps.ts";
import type { FreshchatWorld } from "./freshchat-steps.ts";
import { askedAndOpened, becomes, historyOf, stateOf, typesHeard, visitorSays } from "./steps.ts";
import { eventually } from "./world.ts";

/** What an agent has said and FreshChat does not show whole yet, and what is no longer there at all. */

let world: FreshchatWorld;
let desk: FreshchatSimulator;
const start = async (options: Parameters<typeof startFreshchatWorld>[0] = {}) => {
  world = await startFreshchatWorld(options);
  desk = world.freshchat;
};
afterEach(async () => {
  await world.stop();
  desk.assertNoViolations();
});
const newest = (): string => ours(desk).at(-1)!;
const invoice = { name: "invoice.pdf", type: "application/pdf", bytes: new TextEncoder().encode("%PDF-1.7") };
const fromAgents = async (id: string) =>
  (await historyOf(world, id)).filter(([role]) => role === "agent").map(([, text]) => text);

test("a file whose address comes after the agent has resolved reaches the visitor before the end", async () => {
  await start();
  await askedAndOpened(world, "p-1");
  desk.assign(newest(), desk.agentId);
  await becomes(world, "p-1", { status: "acknowledged" });
  const { id } = desk.agentReplies(newest(), {
    content: "Your invoice.",
    attachments: [invoice],
    urlDelay: "until_told",
  });
  desk.resolve(newest(), desk.agentId);
  await quiet(world);
  expect(await stateOf(world, "p-1")).toMatchObject({ control: "human" });
  desk.showUrls(id);
  await inTime(world, () => typesHeard(world).includes("handoff.resolved"), 1_000);
  const types = typesHeard(world);
  expect(types.indexOf("message.created")).toBeGreaterThan(-1);
  expect(types.indexOf("message.created")).toBeLessThan(types.indexOf("handoff.resolved"));
  expect(await fromAgents("p-1")).toEqual(["Your invoice."]);
});

test("an address that never comes holds up the end for a minute, and the file is named", async () => {
  await start();
  await askedAndOpened(world, "p-2");
  desk.agentReplies(newest(), { content: "Your invoice.", attachments: [invoice], urlDelay: "until_told" });
  desk.resolve(newest(), desk.agentId);
  await quiet(world);
  const before = world.clock().getTime();
  await inTime(world, async () => (await stateOf(world, "p-2")).control === "bot", 2_000);
  // A minute, and what the clock of this story runs ahead of the machine.
  expect(world.clock().getTime() - before).toBeLessThan(180_000);
  expect(await fromAgents("p-2")).toEqual(["Your invoice.\ninvoice.pdf"]);
});

test("where the conversation takes nothing more, what was held back in it still reaches the visitor first", async () => {
  await start({ account: { staleConversations: "refuse" } });
  await askedAndOpened(world, "p-3");
  const first = newest();
  desk.trouble.dropWebhooks(true);
  const { id } = desk.agentReplies(first, { content: "Your invoice.", attachments: [invoice], urlDelay: "until_told" });
  desk.resolve(first, desk.agentId);
  await desk.settled();
  await visitorSays(world, "p-3", "Where is it?");
  // Refused, looked for, and then the old conversation read for what stands there.
  const reads = () => desk.requests().slice(desk.requests().findIndex(({ status }) => status === 400));
  await eventually(() => reads().filter(({ method, path }) => isList(method, path)).length >= 2);
  desk.showUrls(id);
  await inTime(world, () => ours(desk).length === 2, 1_000);
  await inTime(world, async () => incoming(desk, newest()).length === 1, 1_000);
  expect(incoming(desk, newest())).toEqual(["Where is it?"]);
  expect(await fromAgents("p-3")).toEqual(["Your invoice."]);
});

test("a conversation that was deleted goes on in a new one", async () => {
  await start();
  const handoff = await askedAndOpened(world, "p-4");
  await nothingOwed(world);
  const first = newest();
  desk.trouble.failNext(1_000, { status: 404, match: (_method, path) => path.includes(first) });
  await visitorSays(world, "p-4", "Are you there?");
  await nothingOwed(world);
  expect(ours(desk)).toHaveLength(2);
  expect(incoming(desk, newest())).toEqual(["Are you there?"]);
  expect(notes(desk, newest())).toContain(handoff);
});

test("an agent who answers before FreshChat's answer to the opening was had is heard at once", async () => {
  await start();
  desk.trouble.timeoutAfterDoingTheWork(1, isCreation, "destroy");
  desk.trouble.dropWebhooks(true);
  const asked = askedAndOpened(world, "p-5");
  await eventually(() => ours(desk).length === 1);
  desk.agentReplies(newest(), { content: "Already here." });
  await asked;
  // No time passes but what passes by itself: an ordinary look would come after ten seconds.
  expect(await eventually(async () => (await fromAgents("p-5")).length === 1, 5_000)).toBe(true);
});

test("an agent whom FreshChat assigns while the opening is under way has accepted within seconds", async () => {
  // Our own writes ring for nobody here, so that only the agent's would.
  await start({ account: { apiChangesRaise: false, apiMessagesRaise: false } });
  desk.trouble.slow(150, (method) => method !== "GET");
  const asked = askedAndOpened(world, "p-6");
  await eventually(() => ours(desk).length === 1);
  desk.assign(newest(), desk.agentId);
  await asked;
  await quiet(world);
  world.advance(2_500);
  // With what passes by itself while it is waited for, less than the ten seconds of an ordinary look.
  expect(await eventually(async () => (await stateOf(world, "p-6")).handoff.status === "acknowledged", 5_000)).toBe(
    true,
  );
});
