import { inspect } from "node:util";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { HandoffError } from "../../src/domain/errors.ts";
import type { Store, Tx } from "../../src/ports-store.ts";
import { openPostgresStore } from "../../src/storage/postgres-store.ts";
import type { PostgresOptions } from "../../src/storage/postgres-store.ts";
import { addShop, at, conversation, event, handoff, message, workspace } from "../contracts/store-samples.ts";
import { PATIENT, freshDatabase, missingPostgres } from "./postgres.ts";
import type { FreshDatabase } from "./postgres.ts";
import { startProxy } from "./postgres-proxy.ts";
import type { Proxy } from "./postgres-proxy.ts";

/** What SQLite cannot show: units beside each other, connections that break, a server that goes away. */

const missing = await missingPostgres();
const small = { connections: { units: 4, reads: 2 } };
const patient = { ...small, timing: PATIENT };

/** What a request for a person does to the store: finds the conversation or makes it, and opens the one handoff. */
async function ask(tx: Tx, n: number): Promise<"new" | "again"> {
  const known = await tx.lockConversationByKey("ws_a", "bot_a", "c-1");
  const before = known ?? conversation("ws_a", `cnv_${n}`, { key: "c-1" });
  const seq = before.lastMessageSeq + 1;
  const isNew = before.openHandoffId === null;
  const after = {
    ...before,
    lastMessageSeq: seq,
    lastEventSeq: seq,
    openHandoffId: before.openHandoffId ?? `hnd_${n}`,
  };
  if (known === null) await tx.createConversation(after);
  else await tx.saveConversation(after);
  if (isNew) await tx.createHandoff(handoff("ws_a", before.id, `hnd_${n}`));
  await tx.addMessages("ws_a", [message(before.id, seq, { id: `msg_${n}` })]);
  await tx.addEvents("ws_a", [event(before.id, seq)]);
  return isNew ? "new" : "again";
}

describe.skipIf(missing !== undefined)("PostgreSQL", () => {
  let database: FreshDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    await (await openPostgresStore(database.url, small)).close();
  });
  afterAll(() => database.drop());
  beforeEach(() => database.empty());

  async function open(url = database.url, options: PostgresOptions = small): Promise<Store> {
    const store = await openPostgresStore(url, options);
    onTestFinished(() => store.close());
    return store;
  }

  async function proxied(options: PostgresOptions = small): Promise<{ store: Store; proxy: Proxy }> {
    const proxy = await startProxy(database.url);
    onTestFinished(() => proxy.stop());
    return { proxy, store: await open(proxy.url, options) };
  }

  const workspaces = async () => (await database.query("select id from workspaces order by id")).length;

  /** A connection from beside the store, in a transaction of its own. */
  async function beside(): Promise<Client> {
    const client = new Client({ connectionString: database.url });
    client.on("error", () => undefined);
    await client.connect();
    onTestFinished(() => client.end());
    await client.query("begin");
    return client;
  }

  describe("beside each other", () => {
    test("fifty at once on one new key, in two processes: one conversation, one handoff, no number left out", async () => {
      const stores = [await open(database.url, patient), await open(database.url, patient)];
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, n) => stores[n % 2]!.write((tx) => ask(tx, n))),
      );
      expect(outcomes.filter((one) => one === "new")).toHaveLength(1);
      const handoffs = await database.query<{ conversation_id: string }>("select conversation_id from handoffs");
      expect(handoffs).toHaveLength(1);
      const seqs = await stores[0]!.read.messages("ws_a", handoffs[0]!.conversation_id, { afterSeq: 0, limit: 100 });
      expect(seqs.map((one) => one.seq)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    });

    test("two that find nothing and make the same: one makes it, the other finds it", async () => {
      const store = await open();
      let arrived = 0;
      const { promise: both, resolve: go } = Promise.withResolvers<void>();
      const answer = (n: number) =>
        store.write(async (tx) => {
          const stored = await tx.storedAnswer("bot", "key");
          arrived += 1;
          if (arrived === 2) go();
          await both;
          if (stored !== null) return `again ${stored.body}`;
          await tx.storeAnswer("bot", "key", { requestHash: "h", status: 200, body: String(n) }, at(0));
          return `first ${n}`;
        });
      const told = (await Promise.all([answer(1), answer(2)])).toSorted((a, b) => a.localeCompare(b));
      expect([
        ["again 1", "first 1"],
        ["again 2", "first 2"],
      ]).toContainEqual(told);
    });

    test("what is unique and there before is told as it is, after all", async () => {
      const store = await open();
      await store.write((tx) => tx.createWorkspace(workspace("ws_1")));
      await expect(store.write((tx) => tx.createWorkspace(workspace("ws_1")))).rejects.toThrow(/unique/);
    });

    test("two that lock crosswise both get through", async () => {
      const store = await open();
      let arrived = 0;
      const { promise: both, resolve: go } = Promise.withResolvers<void>();
      const crosswise = (id: string, first: string, second: string) =>
        store.write(async (tx) => {
          await tx.lock(first);
          arrived += 1;
          if (arrived === 2) go();
          await both;
          await tx.lock(second);
          await tx.createWorkspace(workspace(id));
        });
      await Promise.all([crosswise("ws_1", "one", "two"), crosswise("ws_2", "two", "one")]);
      expect(await workspaces()).toBe(2);
    });

    test.each([
      ["had stored something before", ["ws_1"]],
      ["had stored nothing yet", []],
    ])("a unit that goes on after a statement of it failed is not taken for stored: it %s", async (_what, before) => {
      const store = await open();
      const careless = store.write(async (tx) => {
        for (const id of before) await tx.createWorkspace(workspace(id));
        await tx.createWorkspace({ ...workspace("ws_2"), name: null as unknown as string }).catch(() => undefined);
        return "all is well";
      });
      await expect(careless).rejects.toThrow("went on after a statement");
      expect(await workspaces()).toBe(0);
    });
  });

  describe("a connection that breaks", () => {
    test("in the middle of a unit: the unit is done again, once", async () => {
      const store = await open();
      let runs = 0;
      const news: unknown[] = [];
      store.onCommitted((what) => news.push(what));
      await store.write(async (tx) => {
        runs += 1;
        await tx.createWorkspace(workspace("ws_1"));
        if (runs === 1)
          await database.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()",
          );
        await tx.createBot({
          id: "bot_1",
          workspaceId: "ws_1",
          name: "Bot",
          settings: {},
          settingsVersion: 1,
          callbackUrl: null,
          messageUrl: null,
          sealedSecret: "s",
          createdAt: at(0),
        });
      });
      expect(runs).toBe(2);
      expect(await workspaces()).toBe(1);
      expect(news).toHaveLength(1);
    });

    test("while nobody uses it: nobody notices", async () => {
      const store = await open();
      await Promise.all(["ws_1", "ws_2", "ws_3"].map((id) => store.write((tx) => tx.createWorkspace(workspace(id)))));
      await Promise.all([store.read.workspaces(), store.read.workspaces()]);
      await database.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      );
      expect(await store.read.workspaces()).toHaveLength(3);
      await store.write((tx) => tx.createWorkspace(workspace("ws_4")));
      expect(await workspaces()).toBe(4);
    });

    test("before the commit reached the server: the unit is done again, once", async () => {
      const { store, proxy } = await proxied();
      let runs = 0;
      proxy.next("cut before commit");
      await store.write(async (tx) => {
        runs += 1;
        await tx.createWorkspace(workspace("ws_1"));
      });
      expect(runs).toBe(2);
      expect(await workspaces()).toBe(1);
    });

    test("after the commit, before its answer came: it is found out, and nothing is done twice", async () => {
      const { store, proxy } = await proxied();
      let runs = 0;
      const news: unknown[] = [];
      store.onCommitted((what) => news.push(what));
      for (const id of ["ws_1", "ws_2", "ws_3"]) {
        proxy.next("cut after commit");
        const told = await store.write(async (tx) => {
          runs += 1;
          await tx.createWorkspace(workspace(id));
          return `made ${id}`;
        });
        expect(told).toBe(`made ${id}`);
      }
      expect(runs).toBe(3);
      expect(await workspaces()).toBe(3);
      expect(news).toHaveLength(3);
    });

    test("at the commit, and nobody answers any more: it is not said that nothing was stored", async () => {
      const { store, proxy } = await proxied();
      proxy.next("freeze at commit");
      const failed = await store
        .write((tx) => tx.createWorkspace(workspace("ws_1")))
        .then(
          () => null,
          (error: unknown) => error,
        );
      expect(failed).toMatchObject({ code: "storage_unavailable", status: 503, retryAfterSeconds: 2 });
      expect((failed as HandoffError).message).toMatch(/may have been stored/);
      proxy.comeBack();
      await store.write((tx) => tx.createWorkspace(workspace("ws_2")));
    });
  });

  describe("a server that is away", () => {
    test("refusing: 503 with a time, for units and questions; when it is back, all goes on", async () => {
      const { store, proxy } = await proxied();
      proxy.goAway();
      const away = { code: "storage_unavailable", status: 503, retryAfterSeconds: 2 };
      await expect(store.write((tx) => tx.createWorkspace(workspace("ws_1")))).rejects.toMatchObject(away);
      await expect(store.read.workspaces()).rejects.toMatchObject(away);
      proxy.comeBack();
      await store.write((tx) => tx.createWorkspace(workspace("ws_1")));
      expect(await store.read.workspaces()).toHaveLength(1);
    });

    test("silent: the same, and not in silence", async () => {
      const { store, proxy } = await proxied();
      await store.write((tx) => tx.createWorkspace(workspace("ws_1")));
      proxy.freeze();
      const away = { code: "storage_unavailable", status: 503 };
      await Promise.all([
        expect(store.write((tx) => tx.createWorkspace(workspace("ws_2")))).rejects.toMatchObject(away),
        expect(store.read.workspaces()).rejects.toMatchObject(away),
      ]);
      proxy.comeBack();
      expect(await store.read.workspaces()).toHaveLength(1);
    });

    test("away for a moment only: nobody is told", async () => {
      const { store, proxy } = await proxied({ ...small, timing: { patienceMs: 10_000 } });
      proxy.goAway();
      const unit = store.write((tx) => tx.createWorkspace(workspace("ws_1")));
      const question = store.read.workspaces();
      proxy.comeBack();
      await unit;
      await question;
      expect(await workspaces()).toBe(1);
    });
  });

  describe("too much at once", () => {
    test("with every connection taken, who waits too long is told to come again, and the others go on", async () => {
      const store = await open(database.url, {
        connections: { units: 2, reads: 1 },
        timing: { lineMs: 200, idleUnitMs: 60_000 },
      });
      const { promise: held, resolve: finish } = Promise.withResolvers<void>();
      const slow = [1, 2].map((n) =>
        store.write(async (tx) => {
          await tx.createWorkspace(workspace(`ws_${n}`));
          await held;
        }),
      );
      await expect(store.write((tx) => tx.createWorkspace(workspace("ws_3")))).rejects.toMatchObject({
        code: "overloaded",
        status: 503,
        retryAfterSeconds: 1,
      });
      // Questions have connections of their own.
      expect(await store.read.workspaces()).toEqual([]);
      finish();
      await Promise.all(slow);
      await store.write((tx) => tx.createWorkspace(workspace("ws_3")));
      expect(await workspaces()).toBe(3);
    });

    test("a row that somebody holds for too long is waited for, and then it is said", async () => {
      const store = await open(database.url, { ...small, timing: { lockMs: 200 } });
      await store.write((tx) => addShop(tx, "a"));
      const other = await beside();
      await other.query("select * from conversations for update");
      const locking = store.write((tx) => tx.lockConversation("ws_a", "cnv_a"));
      await expect(locking).rejects.toMatchObject({ code: "overloaded", retryAfterSeconds: 1 });
    });

    test("an answer that takes its time is waited for, as long as the server answers others", async () => {
      const store = await open(database.url, { ...small, timing: { ...PATIENT, lockMs: 0, pulseAfterMs: 20 } });
      const other = await beside();
      await other.query("lock table workspaces in access exclusive mode");
      let isAnswered = false;
      const question = store.read.workspaces().finally(() => {
        isAnswered = true;
      });
      const unit = store.write((tx) => tx.workspaces());
      // Asked several times over meanwhile whether it is there.
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(isAnswered).toBe(false);
      await other.query("commit");
      expect([await question, await unit]).toEqual([[], []]);
    });

    test("a statement that takes too long is ended, and its unit undone", async () => {
      const store = await open(database.url, { ...small, timing: { lockMs: 0, statementMs: 200 } });
      const other = await beside();
      await other.query("select pg_advisory_xact_lock(hashtextextended('name', 0))");
      const waiting = store.write(async (tx) => {
        await tx.createWorkspace(workspace("ws_1"));
        await tx.lock("name");
      });
      await expect(waiting).rejects.toMatchObject({ code: "storage_unavailable", retryAfterSeconds: 2 });
      expect(await workspaces()).toBe(0);
    });

    test("a process that freezes in the middle of a unit holds nobody up for long", async () => {
      const frozen = await open(database.url, { ...small, timing: { idleUnitMs: 200 } });
      const store = await open();
      await store.write((tx) => addShop(tx, "a"));
      const { promise: sleep, resolve: thaw } = Promise.withResolvers<void>();
      let runs = 0;
      const unit = frozen.write(async (tx) => {
        runs += 1;
        const one = await tx.lockConversation("ws_a", "cnv_a");
        if (runs === 1) await sleep;
        await tx.saveConversation({ ...one!, summary: `${one!.summary} frozen` });
      });
      await expect
        .poll(
          () =>
            store
              .write((tx) => tx.lockConversation("ws_a", "cnv_a"))
              .then(
                () => "got it",
                () => "waits",
              ),
          { timeout: 20_000 },
        )
        .toBe("got it");
      await store.write(async (tx) => {
        const one = await tx.lockConversation("ws_a", "cnv_a");
        await tx.saveConversation({ ...one!, summary: "meanwhile" });
      });
      thaw();
      // Too late to be begun anew, or done again from what is stored by now: never from what it saw before.
      await unit.catch(() => undefined);
      expect(["meanwhile", "meanwhile frozen"]).toContain((await store.read.conversation("ws_a", "cnv_a"))?.summary);
    });
  });

  test("the password of the address stands in no error", async () => {
    const url = new URL(database.url);
    url.password = "canary-secret-7";
    url.port = "1";
    const failed = await openPostgresStore(url.href, { startWithinMs: 0 }).then(
      () => null,
      (error: unknown) => error,
    );
    expect((failed as Error).message).toMatch(/PostgreSQL cannot be reached \(ECONNREFUSED\)/);
    expect(inspect(failed, { depth: 10, showHidden: true })).not.toContain("canary");
    const { store, proxy } = await proxied();
    proxy.goAway();
    const later = await store.read.workspaces().catch((error: unknown) => error);
    expect(inspect(later, { depth: 10, showHidden: true })).not.toContain("canary");
  });
});
