import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import { expect, onTestFinished, test } from "vitest";
import { migrationsFor } from "../../src/storage/migrations.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";

test("leads from before they could be searched are found, and are open", async () => {
  const directory = mkdtempSync(join(tmpdir(), "baton-leads-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "baton.db");
  const old = new BetterSqlite(file);
  const provider = { getMigrations: () => Promise.resolve(migrationsFor("sqlite")) };
  const dialect = new SqliteDialect({ database: old });
  await new Migrator({ db: new Kysely({ dialect }), provider }).migrateTo("0011_audit_log");
  const insert = old.prepare(
    `insert into leads (id, workspace_id, bot_id, conversation_id, handoff_id, contact, transcript_seq, created_at)
     values (?, 'ws_a', 'bot_a', 'cnv_a', ?, ?, 0, 0)`,
  );
  for (let n = 0; n < 1_201; n += 1)
    insert.run(`led_${String(n).padStart(5, "0")}`, `hnd_${n}`, JSON.stringify({ name: `Ștefan ${n}.`, email: null }));
  old.close();

  const store = await openSqliteStore(file);
  onTestFinished(() => store.close());
  const { items } = await store.read.leads("ws_a", { limit: 5, search: "stefan 1200." });
  expect(items.map(({ id, followUp }) => [id, followUp.state])).toEqual([["led_01200", "open"]]);
  expect(await store.read.leadCounts("ws_a", { search: "stefan" })).toEqual({ open: 1_201, followed_up: 0 });
});
