import { afterEach, describe, expect, test } from "vitest";
import { deskBench } from "../../test/contracts/freshchat-desk.ts";
import type { DeskBench } from "../../test/contracts/freshchat-desk.ts";
import { listChoices } from "./choices.ts";
import { choose, findChannel, findGroup, listChannels } from "./places.ts";

let bench: DeskBench;
describe("the channels and groups of an account", () => {
  afterEach(() => bench.stop());

  test("are offered by name, and a channel that is switched off as one that cannot serve", async () => {
    bench = await deskBench();
    const { channelId, groupId } = await listChoices(bench.deskWith());
    expect(channelId).toContainEqual({ value: bench.simulator.channelId, label: "Website", usable: true });
    expect(channelId?.map(({ label, usable }) => [label, usable])).toEqual([
      ["Website", true],
      ["Billing", true],
      ["Billing", true],
      ["Old campaign", false],
    ]);
    expect(groupId?.map(({ label }) => label)).toEqual(["Support", "Sales"]);
    expect(groupId?.[0]).toEqual({ value: bench.simulator.groupId, label: "Support", usable: true });
  });

  test("are read page by page, each once", async () => {
    bench = await deskBench({ pageLimit: 3 });
    for (let i = 0; i < 6; i += 1) bench.simulator.addChannel({ name: `Channel ${i}` });
    const { items, isWhole } = await listChannels(bench.deskWith().client);
    expect(items.length).toBe(10);
    expect(new Set(items.map(({ id }) => id)).size).toBe(10);
    expect(isWhole).toBe(true);
    const pages = bench.simulator.requests().map(({ path }) => path);
    expect(pages.length).toBe(4);
  });

  test("are found by id, else by a name that only one in use has", async () => {
    bench = await deskBench();
    const { simulator } = bench;
    const { client } = bench.deskWith();
    const off = simulator.addChannel({ name: "website", isEnabled: false });
    const find = async (text: string) => {
      const { found, isAmbiguous } = await findChannel(client, text);
      return isAmbiguous ? "several" : (found?.id ?? null);
    };
    expect(await find(simulator.channelId)).toBe(simulator.channelId);
    expect(await find(" WEBSITE ")).toBe(simulator.channelId);
    expect(await find(off.id)).toBe(off.id);
    expect(await find("Billing")).toBe("several");
    expect(await find("Old campaign")).toBeNull();
    expect(await find("Web")).toBeNull();
    expect(await find("")).toBeNull();
    expect((await findGroup(client, "support")).found?.id).toBe(simulator.groupId);
    expect((await findGroup(client, "Returns")).found).toBeNull();
  });
});

test("an id comes before a name that looks like it", () => {
  const places = [
    { id: "1", name: "2" },
    { id: "2", name: "1" },
  ];
  expect(choose(places, "2").found).toEqual({ id: "2", name: "1" });
});
