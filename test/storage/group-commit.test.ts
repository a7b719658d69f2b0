import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { createGroupCommit } from "../../src/storage/group-commit.ts";

const later = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A file with one table, and everything that happened to it, in order: statements, and what the test adds. */
function bench(options: { readonly onCommitted?: () => void } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "baton-commit-"));
  const file = join(directory, "units.db");
  const log: string[] = [];
  const db = new BetterSqlite(file, { timeout: 0, verbose: (sql) => void log.push(String(sql)) });
  db.pragma("journal_mode = WAL");
  db.pragma("foreign_keys = ON");
  db.exec("create table units (name text primary key, parent text references units deferrable initially deferred)");
  const commits = createGroupCommit(db, options.onCommitted ?? (() => undefined));
  onTestFinished(async () => {
    await commits.close();
    db.close();
    rmSync(directory, { recursive: true });
  });
  const insert = db.prepare("insert into units (name, parent) values (?, ?)");
  const select = db.prepare("select name from units order by name").pluck();
  log.length = 0;
  return {
    db,
    file,
    log,
    commits,
    add: (name: string, parent: string | null = null) => void insert.run(name, parent),
    store: (name: string) =>
      commits.run(async () => {
        insert.run(name, null);
        return name;
      }),
    stored: () => select.all(),
    count: (sql: string) => log.filter((one) => one === sql).length,
  };
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `unit-${String(n).padStart(4, "0")}`);

describe("requests at the same time", () => {
  test("share one commit, and each gets its own answer", async () => {
    const { store, stored, count } = bench();
    const names = numbered(50);
    expect(await Promise.all(names.map(store))).toEqual(names);
    expect(stored()).toEqual(names);
    expect(count("COMMIT")).toBe(1);
  });

  test("one by one cost one commit each", async () => {
    const { store, count } = bench();
    for (const name of numbered(3)) await store(name);
    expect(count("COMMIT")).toBe(3);
  });

  test("that come while a batch is being made are not forgotten", async () => {
    const { store, commits, stored } = bench();
    const inner: Promise<unknown>[] = [];
    await commits.run(async () => {
      inner.push(store("asked from within"));
      await later();
    });
    await Promise.all(inner);
    expect(stored()).toEqual(["asked from within"]);
  });

  test("by the thousand share commits in bounded batches", async () => {
    const { store, stored, count } = bench();
    const names = numbered(1_000);
    await Promise.all(names.map(store));
    expect(stored()).toEqual(names);
    // At most 256 in one; a slow machine ends a batch sooner.
    expect(count("COMMIT")).toBeGreaterThanOrEqual(4);
    expect(count("COMMIT")).toBeLessThan(200);
  });

  test("run strictly one after the other, however long one waits inside", async () => {
    const { commits } = bench();
    const steps: string[] = [];
    const unit = (name: string) => () =>
      commits.run(async () => {
        steps.push(`${name} begins`);
        await later();
        await later();
        steps.push(`${name} ends`);
      });
    await Promise.all([unit("a")(), unit("b")(), unit("c")()]);
    expect(steps).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  test("are answered after the commit, and the news is told before the answers", async () => {
    const { store, log } = bench({ onCommitted: () => log.push("told") });
    await Promise.all(["a", "b"].map((name) => store(name).then(() => log.push(`answered ${name}`))));
    expect(log.filter((one) => !/^(insert|SAVEPOINT|RELEASE)/.test(one))).toEqual([
      "BEGIN IMMEDIATE",
      "COMMIT",
      "told",
      "answered a",
      "answered b",
    ]);
  });
});

describe("a unit that fails", () => {
  test("is undone alone, with its own error, told after the commit", async () => {
    const { store, commits, add, stored, count, log } = bench();
    const fault = new RangeError("not this one");
    const results = await Promise.allSettled([
      store("before"),
      commits
        .run(async () => {
          add("half");
          await later();
          throw fault;
        })
        .finally(() => log.push("refused")),
      store("after"),
    ]);
    expect(results).toEqual([
      { status: "fulfilled", value: "before" },
      { status: "rejected", reason: fault },
      { status: "fulfilled", value: "after" },
    ]);
    expect(stored()).toEqual(["after", "before"]);
    expect(count("COMMIT")).toBe(1);
    expect(log.indexOf("refused")).toBeGreaterThan(log.indexOf("COMMIT"));
  });

  test("may be refused by the database: the others do not notice", async () => {
    const { store, stored } = bench();
    const results = await Promise.allSettled([store("a"), store("a"), store("b")]);
    expect(results.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(stored()).toEqual(["a", "b"]);
  });
});

describe("a commit that fails", () => {
  const unavailable = { name: "HandoffError", code: "storage_unavailable", status: 503, retryAfterSeconds: 2 };

  test("fails every unit of its batch, keeps nothing of it, and the next batch works", async () => {
    const { store, commits, add, stored } = bench();
    await store("earlier");
    // A deferred constraint is checked by COMMIT itself.
    const orphan = commits.run(async () => add("orphan", "nobody"));
    const failing = await Promise.allSettled([orphan, store("innocent")]);
    expect(failing).toEqual([
      { status: "rejected", reason: expect.objectContaining(unavailable) },
      { status: "rejected", reason: expect.objectContaining(unavailable) },
    ]);
    expect(stored()).toEqual(["earlier"]);
    await store("later");
    expect(stored()).toEqual(["earlier", "later"]);
  });

  test("tells no news", async () => {
    let told = 0;
    const { commits, add } = bench({ onCommitted: () => (told += 1) });
    await expect(commits.run(async () => add("orphan", "nobody"))).rejects.toMatchObject(unavailable);
    expect(told).toBe(0);
  });

  test("or that cannot begin, since another process writes, is told to all that wait; then it goes on", async () => {
    const { file, store, stored } = bench();
    const other = new BetterSqlite(file);
    other.exec("BEGIN IMMEDIATE");
    const failing = await Promise.allSettled([store("a"), store("b")]);
    expect(failing).toEqual([
      { status: "rejected", reason: expect.objectContaining(unavailable) },
      { status: "rejected", reason: expect.objectContaining(unavailable) },
    ]);
    other.exec("ROLLBACK");
    other.close();
    await store("c");
    expect(stored()).toEqual(["c"]);
  });

  test("a transaction that the database ended by itself takes its whole batch with it, and no more", async () => {
    const { db, store, commits, add, stored } = bench();
    const results = await Promise.allSettled([
      store("a"),
      // As SQLite does when the disk is full.
      commits.run(async () => {
        add("b");
        db.exec("ROLLBACK");
        throw new Error("disk full");
      }),
    ]);
    expect(results.map((one) => (one.status === "rejected" ? (one.reason as object) : one.value))).toEqual([
      expect.objectContaining(unavailable),
      expect.objectContaining(unavailable),
    ]);
    await store("c");
    expect(stored()).toEqual(["c"]);
  });
});

describe("too much at once", () => {
  test("the one beyond ten thousand that wait is told to come back, the others are stored", async () => {
    const { store, db } = bench();
    const accepted = numbered(10_000).map(store);
    await expect(store("one too many")).rejects.toMatchObject({
      code: "overloaded",
      status: 503,
      retryAfterSeconds: 1,
    });
    await Promise.all(accepted);
    expect(db.prepare("select count(*) from units").pluck().get()).toBe(10_000);
    expect(await store("afterwards")).toBe("afterwards");
  });
});

describe("closing", () => {
  test("waits for what was asked for, and refuses what comes later", async () => {
    const { commits, store, add, stored } = bench();
    const slow = commits.run(async () => {
      await later();
      add("slow");
    });
    const second = store("second");
    const closing = commits.close();
    await expect(store("late")).rejects.toMatchObject({ code: "storage_unavailable", retryAfterSeconds: 5 });
    await closing;
    expect(stored()).toEqual(["second", "slow"]);
    await Promise.all([slow, second]);
  });

  test("with nothing to do ends at once, and twice does no harm", async () => {
    const { commits, store } = bench();
    await commits.close();
    await commits.close();
    await expect(store("late")).rejects.toMatchObject({ code: "storage_unavailable" });
  });
});
