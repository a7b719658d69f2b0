import { expect, test } from "vitest";
import type { RequestMatch } from "../simulators/trouble.ts";
import { ask, becomes, opened, visitorSays } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";

test("who was missed while the opening was half done, and asks again, is opened with all that was said in between", async () => {
  const world = await startWorld();
  try {
    await world.connectChatwoot();
    let posted = 0;
    // The note that tells of the visitor gets through; their words do not.
    const afterTheNote: RequestMatch = (method, path) =>
      method === "POST" && path.endsWith("/messages") && (posted += 1) > 1;
    world.chatwoot.trouble.failNext(1_000, { status: 500, match: afterTheNote });
    const { body } = await ask(world, "c-1");
    await visitorSays(world, "c-1", "It is urgent.");
    await eventually(() => posted > 1);
    world.advance(31_000);
    await becomes(world, "c-1", { control: "bot", mode: "lead" });
    await visitorSays(world, "c-1", "Is nobody there?");

    world.chatwoot.trouble.reset();
    world.advance(60_000);
    await ask(world, "c-1", { messages: [{ id: "m9", role: "visitor", text: "I still want a person." }] });
    await opened(world, body.handoff.id);
    await visitorSays(world, "c-1", "Thank you.");
    const seen = await eventually(() => {
      const open = world.chatwoot.conversations().filter(({ status }) => status === "open");
      const lines = open.flatMap(({ id }) => world.chatwoot.messages(id).map(({ content }) => content ?? ""));
      return lines.includes("Thank you.") ? { open, lines } : null;
    });
    expect(seen.open).toHaveLength(1);
    for (const text of ["Where is my order?", "It is urgent.", "Is nobody there?", "I still want a person."])
      expect(seen.lines.join("\n")).toContain(text);
  } finally {
    await world.stop();
  }
});
