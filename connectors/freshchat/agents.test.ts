import { describe, expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { createAgentDirectory } from "./agents.ts";
import type { Client } from "./client.ts";

/** A FreshChat whose agents are given by their path. */
function start(agents: Record<string, unknown>) {
  let now = Date.parse("2026-11-20T12:00:00Z");
  const asked: string[] = [];
  const isDown = { now: false };
  const client: Pick<Client, "call"> = {
    async call({ path, answer }) {
      asked.push(path);
      await Promise.resolve();
      if (isDown.now || !(path in agents) || answer === null) throw new DeliveryError("transient", "down");
      return answer.parse(agents[path]);
    },
  };
  const directory = createAgentDirectory(
    { ...client, tryCall: () => Promise.reject(new Error("not asked")) },
    () => new Date(now),
  );
  return { directory, asked, isDown, pass: (minutes: number) => void (now += minutes * 60_000) };
}

describe("who an agent is", () => {
  test.each<[string, object, { name: string | null; avatarUrl?: string | null }]>([
    ["both names", { first_name: "Ada", last_name: "King" }, { name: "Ada King" }],
    ["a first name", { first_name: " Ada ", last_name: "" }, { name: "Ada" }],
    ["a last name", { first_name: null, last_name: "King" }, { name: "King" }],
    ["no name", { first_name: "", last_name: null }, { name: null }],
    ["names that are no text", { first_name: 5, last_name: [] }, { name: null }],
    [
      "a picture",
      { first_name: "Ada", avatar: { url: "https://x.example/a.png" } },
      { name: "Ada", avatarUrl: "https://x.example/a.png" },
    ],
    ["no picture", { first_name: "Ada", avatar: { url: null } }, { name: "Ada" }],
    ["a picture that is a script", { first_name: "Ada", avatar: { url: "javascript:alert(1)" } }, { name: "Ada" }],
    ["a picture in itself", { first_name: "Ada", avatar: { url: "data:text/html,x" } }, { name: "Ada" }],
    ["a picture that is no address", { first_name: "Ada", avatar: { url: "/a.png" } }, { name: "Ada" }],
    ["a picture of another shape", { first_name: "Ada", avatar: "a.png" }, { name: "Ada" }],
  ])("%s", async (_what, fields, expected) => {
    const { directory } = start({ "/agents/a1": { id: "a1", ...fields } });
    expect(await directory.nameOf("a1")).toEqual({ id: "a1", avatarUrl: null, ...expected });
  });

  test("is asked for once, also by many at a time, and again after a quarter of an hour", async () => {
    const agents: Record<string, unknown> = { "/agents/a1": { id: "a1", first_name: "Ada" } };
    const { directory, asked, pass } = start(agents);
    const names = await Promise.all([1, 2, 3].map(() => directory.nameOf("a1")));
    expect(names.map(({ name }) => name)).toEqual(["Ada", "Ada", "Ada"]);
    pass(14.9);
    await directory.nameOf("a1");
    expect(asked).toEqual(["/agents/a1"]);
    agents["/agents/a1"] = { id: "a1", first_name: "Ada", last_name: "King" };
    pass(0.1);
    expect((await directory.nameOf("a1")).name).toBe("Ada King");
    expect(asked.length).toBe(2);
  });

  test("a failure gives no name, is not remembered, and takes no name away that was known", async () => {
    const { directory, asked, isDown, pass } = start({ "/agents/a1": { id: "a1", first_name: "Ada" } });
    isDown.now = true;
    expect(await directory.nameOf("a1")).toEqual({ id: "a1", name: null, avatarUrl: null });
    isDown.now = false;
    expect((await directory.nameOf("a1")).name).toBe("Ada");
    isDown.now = true;
    pass(20);
    expect((await directory.nameOf("a1")).name).toBe("Ada");
    expect(asked.length).toBe(3);
  });

  test("a thousand are kept, then the oldest gives way", async () => {
    const ids = Array.from({ length: 1_001 }, (_, i) => `a${i}`);
    const { directory, asked } = start(Object.fromEntries(ids.map((id) => [`/agents/${id}`, { id, first_name: id }])));
    for (const id of ids) await directory.nameOf(id);
    await directory.nameOf("a1");
    expect(asked.length).toBe(1_001);
    await directory.nameOf("a0");
    expect(asked.length).toBe(1_002);
  });

  test("an id is never a path, nor a name of Object's own", async () => {
    const { directory, asked } = start({});
    expect(await directory.nameOf("../groups?x=1")).toMatchObject({ name: null });
    expect(await directory.nameOf("__proto__")).toMatchObject({ id: "__proto__", name: null });
    expect(asked[0]).toBe("/agents/..%2Fgroups%3Fx%3D1");
  });
});
