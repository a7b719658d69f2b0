import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Client } from "./client.ts";
import { readPages } from "./pages.ts";

const Item = z.looseObject({ id: z.string() });
/** Answers with these pages, the last one for ever. */
const clientOf = (pages: readonly object[], asked: string[] = []): Client => ({
  call({ path, answer }) {
    asked.push(path);
    const page = pages[Math.min(asked.length, pages.length) - 1];
    return Promise.resolve().then(() => {
      if (answer === null) throw new Error("an answer was expected");
      return answer.parse(page);
    });
  },
  tryCall: () => Promise.reject(new Error("not asked")),
});
const read = async (pages: readonly object[], mostPages = 5) => {
  const asked: string[] = [];
  const listing = { path: "/things", name: "things", doing: "list things", item: Item, mostPages };
  const { items, isWhole } = await readPages(clientOf(pages, asked), listing);
  return { ids: items.map(({ id }) => id).join(""), isWhole, requests: asked.length, asked };
};
const things = (ids: string, more: object = {}) => ({ things: Array.from(ids, (id) => ({ id })), ...more });
const of = (total: number) => ({ pagination: { total_pages: total } });

describe("a list in pages", () => {
  test.each<[string, readonly object[], { ids: string; isWhole: boolean; requests: number }]>([
    ["one page, as counted", [things("ab", of(1))], { ids: "ab", isWhole: true, requests: 1 }],
    ["two pages, as counted", [things("ab", of(2)), things("c", of(2))], { ids: "abc", isWhole: true, requests: 2 }],
    [
      "two pages, told by links alone",
      [things("ab", { links: { next_page: { href: "/v2/things?page=2" } } }), things("c", { links: {} })],
      { ids: "abc", isWhole: true, requests: 2 },
    ],
    ["links that end", [things("ab", { links: { next_page: null } })], { ids: "ab", isWhole: true, requests: 1 }],
    [
      "nothing told: the next page shows",
      [things("ab"), things("c"), things("")],
      { ids: "abc", isWhole: true, requests: 3 },
    ],
    ["the page number is ignored", [things("ab", of(9))], { ids: "ab", isWhole: true, requests: 2 }],
    ["an empty list that claims more", [things("", of(9))], { ids: "", isWhole: true, requests: 1 }],
    ["pages that overlap", [things("ab", of(2)), things("bc", of(2))], { ids: "abc", isWhole: true, requests: 2 }],
    [
      "more than is read",
      ["a", "b", "c", "d", "e", "f"].map((id) => things(id, of(6))),
      { ids: "abcde", isWhole: false, requests: 5 },
    ],
    [
      "items that are none",
      [{ things: [null, { id: 5 }, { id: "a" }, "x"], ...of(1) }],
      { ids: "a", isWhole: true, requests: 1 },
    ],
  ])("%s", async (_what, pages, expected) => expect(await read(pages)).toMatchObject(expected));

  test("is asked for in fifties", async () => {
    const { asked } = await read([things("a", of(2)), things("b", of(2))]);
    expect(asked).toEqual(["/things?page=1&items_per_page=50", "/things?page=2&items_per_page=50"]);
  });
});
