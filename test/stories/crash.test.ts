import { expect, onTestFinished, test } from "vitest";
import { asking, incoming, notes, reply, stateOf, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/**
 * A whole story, in which the program stops in the middle of its n-th request to Chatwoot, drops what it is doing, and starts
 * again: whatever was on its way is there in the end, once.
 */
async function story(n: number): Promise<World> {
  let count = 0;
  const crash = Promise.withResolvers<void>();
  const intercept = () => {
    count += 1;
    if (count === n) crash.resolve();
    return false;
  };
  const world = await startWorld({ chatwoot: { intercept } });
  onTestFinished(() => world.stop());
  const connection = await world.connectChatwoot(world.chatwoot, { contactForm: "always" });
  await world.settings({ destinations: [{ id: connection, labels: ["web"], priority: "low" }] });
  let restarted = false;
  const restart = async () => {
    await crash.promise;
    await world.restart(0);
    restarted = true;
  };
  const crashing = restart();
  /**
   * What the bot does goes on however often it takes, as a client with retries would. Time passes only while somebody answers: how
   * long the start takes on this machine is not part of the story.
   */
  const insist = async (act: () => Promise<{ status: number }>) =>
    eventually(async () => {
      const { status } = await act().catch(() => ({ status: 0 }));
      if (status !== 0) world.advance(1_000);
      return status >= 200 && status < 300;
    });
  const key = (name: string) => ({ "Idempotency-Key": `${name}-${n}` });
  let handoff = "";
  await insist(async () => {
    const answer = await world.bot.post("/v1/handoffs", asking("c-1"), key("ask"));
    handoff = answer.body.handoff?.id ?? handoff;
    return answer;
  });
  await insist(() => world.bot.post("/v1/conversations/c-1/messages", { id: "a", text: "typed 1" }));
  const fields = { name: "Ana", email: "ana@example.com", phone: "+40721234567" };
  await insist(() => world.bot.post(`/v1/handoffs/${handoff}/lead`, { fields, terms: true }, key("lead")));
  await insist(() => world.bot.post("/v1/conversations/c-1/messages", { id: "b", text: "typed 2" }));
  // In small steps: were the clock faster than the machine, the opening would be given up, which is another story.
  const conversation = await eventually(() => {
    world.advance(100);
    const [found] = world.chatwoot.conversations();
    return found && incoming(world.chatwoot, found.id).includes("typed 2") ? found : null;
  }, 30_000);
  reply(world.chatwoot, conversation.id, "Here I am.");
  await eventually(async () => {
    world.advance(1_000);
    return (await stateOf(world, "c-1").catch(() => null))?.handoff?.status === "acknowledged";
  });
  await insist(() => world.bot.post(`/v1/handoffs/${handoff}/resolve`, undefined, key("end")));
  await eventually(() => {
    world.advance(1_000);
    return world.chatwoot.conversation(conversation.id).status === "resolved";
  });
  // A story that is over before its n-th request has nothing more to show.
  if (count >= n) await crashing;
  expect([count < n, restarted].filter(Boolean)).toHaveLength(1);
  return world;
}

test.each([2, 4, 5, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 22, 24, 26].map((n) => [n]))(
  "stopped in the middle of request %i to Chatwoot",
  async (n) => {
    const world = await story(n);
    await eventually(async () => {
      world.advance(2_000);
      return (await world.admin.get("/v1/deliveries?state=waiting")).body.items.length === 0;
    });
    expect(world.chatwoot.conversations()).toHaveLength(1);
    expect(world.chatwoot.contacts()).toHaveLength(1);
    const [conversation] = world.chatwoot.conversations();
    expect(incoming(world.chatwoot, conversation!.id)).toEqual(["1042. I want a person.", "typed 1", "typed 2"]);
    const told = notes(world.chatwoot, conversation!.id);
    expect(told.match(/Which number does it have\?/g)!.length).toBeLessThanOrEqual(2);
    expect(told.match(/ended this conversation/g)).toHaveLength(1);
    expect(conversation).toMatchObject({ status: "resolved", labels: ["web", "lead"], priority: "low" });
    await eventually(() => world.callbacks.heard.some((one) => one.type === "handoff.resolved"));
    const said = world.callbacks.heard.filter((one) => one.type === "message.created");
    expect(new Set(said.map((one) => one.data.message.text))).toEqual(new Set(["Here I am."]));
    expect(await stateOf(world, "c-1")).toMatchObject({ control: "bot", handoff: { status: "resolved" } });
    expect((await visitorSays(world, "c-1", "Thanks")).status).toBe(201);
    world.chatwoot.assertNoViolations();
  },
  60_000,
);
