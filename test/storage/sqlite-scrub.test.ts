import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Store } from "../../src/ports-store.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import { conversation, message, workspace } from "../contracts/store-samples.ts";

let directory: string;
let store: Store;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "baton-scrub-"));
  store = await openSqliteStore(join(directory, "baton.db"));
  onTestFinished(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
});

/** How often a text stands in the bytes of any file. */
const bytesWith = (text: string): number =>
  readdirSync(directory).reduce(
    (sum, name) => sum + readFileSync(join(directory, name)).toString("latin1").split(text).length - 1,
    0,
  );

/** The same each time, and in no order: pages are split in the middle. */
function scattered(seed: number): () => number {
  let last = seed;
  return () => (last = (last * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

/** So many that pages are split, and copies left. */
const MANY = 1_200;
const FEW = 200;
const isCanary = (person: number) => person % 4 === 0;

/** Conversations that grow side by side, as they do; every fourth is the canary's. */
async function fill(people: number): Promise<void> {
  const random = scattered(7);
  await store.write((tx) => tx.createWorkspace(workspace("ws_a")));
  const ids = Array.from({ length: people }, (_, n) => `cnv_${Math.floor(random() * 1e9)}_${n}`);
  await store.write(async (tx) => {
    for (const id of ids) await tx.createConversation(conversation("ws_a", id));
  });
  const seqs = ids.map(() => 0);
  for (let round = 0; round < people / 12; round += 1) {
    await store.write(async (tx) => {
      for (let k = 0; k < 250; k += 1) {
        const person = Math.floor(random() * people);
        const seq = (seqs[person] = (seqs[person] ?? 0) + 1);
        const words = isCanary(person) ? "CANARY speaks" : "somebody speaks";
        const text = `${words} ${"x".repeat(random() * (k % 50 === 0 ? 9_000 : 300))}`;
        await tx.addMessages("ws_a", [message(ids[person] ?? "", seq, { text })]);
      }
    });
  }
  await store.write(async (tx) => {
    for (const id of ids.filter((_, n) => isCanary(n))) while ((await tx.eraseLines("ws_a", id, 500)).isMore);
  });
}

describe("after rows are erased", () => {
  test("copies of them are left where pages were split, and none once the file is scrubbed", async () => {
    await fill(MANY);
    const db = new BetterSqlite(join(directory, "baton.db"));
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    expect(bytesWith("CANARY")).toBeGreaterThan(0);
    expect(await store.scrub()).toEqual([]);
    expect(bytesWith("CANARY")).toBe(0);
  });

  test("the file is whole, and everything else is there", async () => {
    await fill(FEW);
    const texts = async () => {
      const all = [];
      for (const { conversationId } of (await store.read.contactsOfConversations("ws_a", "", 2_000)).items)
        all.push(await store.read.messages("ws_a", conversationId, { afterSeq: 0, limit: 1_000 }));
      return JSON.stringify(all);
    };
    const before = await texts();
    await store.scrub();
    expect(await texts()).toBe(before);
    expect((await store.health(10_000)).damage).toBeNull();
    // What the connections had in memory does not bring the bytes back.
    await store.write(async (tx) => {
      for (const { conversationId } of (await tx.contactsOfConversations("ws_a", "", 2_000)).items)
        await tx.addMessages("ws_a", [message(conversationId, 900, { text: "one more" })]);
    });
    await store.scrub();
    expect(bytesWith("CANARY")).toBe(0);
    expect((await store.health(10_000)).damage).toBeNull();
  });

  test("others write meanwhile, and nothing of theirs is lost", async () => {
    await fill(FEW);
    const progress = { isOver: false };
    const scrubbed = store.scrub().finally(() => (progress.isOver = true));
    let written = 0;
    await store.write((tx) => tx.createConversation(conversation("ws_a", "cnv_busy")));
    do {
      written += 1;
      await store.write((tx) => tx.addMessages("ws_a", [message("cnv_busy", written, { text: `line ${written}` })]));
    } while (!progress.isOver);
    expect(await scrubbed).toEqual([]);
    const kept = await store.read.messages("ws_a", "cnv_busy", { afterSeq: 0, limit: 100_000 });
    expect(kept.map(({ text }) => text)).toEqual(Array.from({ length: written }, (_, n) => `line ${n + 1}`));
    expect(bytesWith("CANARY")).toBe(0);
    expect((await store.health(10_000)).damage).toBeNull();
  });

  test("a read that keeps the log is waited for", async () => {
    await fill(FEW);
    const other = new BetterSqlite(join(directory, "baton.db"), { readonly: true });
    other.exec("begin");
    other.prepare("select count(*) from messages").get();
    await store.write((tx) => tx.createConversation(conversation("ws_a", "cnv_new")));
    const scrubbed = store.scrub();
    setTimeout(() => other.exec("commit"), 400);
    expect(await scrubbed).toEqual([]);
    other.close();
    expect(bytesWith("CANARY")).toBe(0);
  });
});
