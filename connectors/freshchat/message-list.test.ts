import { describe, expect, test } from "vitest";
import type { Client } from "./client.ts";
import { messagesOf } from "./message-list.ts";

const noon = Date.parse("2026-11-20T12:00:00.000Z");
const message = (id: number) => ({ id: `m${id}`, created_time: new Date(noon + id * 1_000).toISOString() });

/** A client that answers with these pages in turn. */
function clientOf(pages: readonly (readonly number[])[]): { client: Client; asked: string[] } {
  const asked: string[] = [];
  const call: Client["call"] = ({ path, answer }) => {
    const at = asked.push(path) - 1;
    const link = at + 1 < pages.length ? { link: { href: `/v2/conversations/c/messages?from_time=${at}` } } : {};
    return Promise.resolve(answer!.parse({ messages: (pages[at] ?? []).map(message), ...link }));
  };
  return { client: { call, tryCall: call }, asked };
}

async function idsOf(pages: readonly (readonly number[])[], mostPages = 10): Promise<string[]> {
  const { client } = clientOf(pages);
  const found: string[] = [];
  for await (const { id } of messagesOf({ client }, { id: "c", otherId: null }, mostPages)) found.push(id);
  return found;
}

describe("the messages of a conversation", () => {
  test("come newest first, also where FreshChat's pages have the oldest first", async () => {
    // Our own message is looked for until the one that was newest before it: met first, that would end the search.
    expect(await idsOf([[1, 2, 3]])).toEqual(["m3", "m2", "m1"]);
    expect(await idsOf([[3, 2, 1]])).toEqual(["m3", "m2", "m1"]);
  });

  test("come each once where a page begins with the last of the page before it, and holds no more", async () => {
    expect(await idsOf([[3, 2], [2], [1]])).toEqual(["m3", "m2", "m1"]);
  });

  test("end after so many pages, and with the second page that brings nothing new", async () => {
    expect(await idsOf([[5], [4], [3]], 2)).toEqual(["m5", "m4"]);
    const { client, asked } = clientOf([[2], [2], [2], [2], [1]]);
    for await (const _ of messagesOf({ client }, { id: "c", otherId: null }, 10));
    expect(asked).toHaveLength(3);
  });
});
