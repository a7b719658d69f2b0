import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cleanText } from "../../src/domain/clean-text.ts";
import { HandoffError } from "../../src/domain/errors.ts";
import type { ClaimedLane, Reads, Store, Tx } from "../../src/ports-store.ts";
import { openPostgresStore } from "../../src/storage/postgres-store.ts";
import { openSqliteStore } from "../../src/storage/sqlite-store.ts";
import {
  addShop,
  at,
  bot,
  connection,
  consent,
  conversation,
  delivery,
  event,
  handoff,
  lead,
  member,
  message,
  token,
  webhook,
} from "../contracts/store-samples.ts";
import { PATIENT, freshDatabase, missingPostgres } from "./postgres.ts";
import type { FreshDatabase } from "./postgres.ts";

/** The model of each store is the other one: after any history both give the same answers. */

const missing = await missingPostgres();

/** One thing that is done to both; `claims` are those that were given so far, as the store itself gave them. */
interface Step {
  readonly name: string;
  act(tx: Tx, claims: ClaimedLane[]): Promise<unknown>;
}

const step = (name: string, act: Step["act"]): Step => ({ name, act });
const some = <const T>(...values: T[]) => fc.constantFrom<T[]>(...values);
const WS = some("ws_a", "ws_b");
const NUMBER = fc.integer({ min: 1, max: 3 });
const SECONDS = fc.integer({ min: 0, max: 90 });
/** As the door lets it through: odd, but text. */
const ODD = ["Ștefan", "ОЛЬГА", "%_\\", "'; drop table", "𝒳 👩‍👩‍👧", "\u2028", "ĲSSELMEER"];
const TEXT = fc.oneof(fc.string({ unit: "binary", maxLength: 12 }).map(cleanText), some(...ODD));
const LANE = some("lane 1", "lane 2");

const STEPS = fc.oneof(
  fc
    .tuple(WS, NUMBER, TEXT)
    .map(([ws, n, name]) => step("createBot", (tx) => tx.createBot(bot(ws, `bot_${n}`, { name })))),
  fc.tuple(WS, NUMBER, TEXT, fc.jsonValue()).map(([ws, n, name, settings]) =>
    step("updateBot", (tx) =>
      tx.updateBot(ws, `bot_${n}`, {
        name,
        settings: JSON.parse(cleanText(JSON.stringify(settings))),
        settingsVersion: n,
      }),
    ),
  ),
  fc
    .tuple(WS, NUMBER, TEXT, SECONDS)
    .map(([ws, n, name, s]) =>
      step("createMember", (tx) => tx.createMember(member(ws, `mem_${n}`, { name, onlineUntil: at(s) }))),
    ),
  fc
    .tuple(WS, NUMBER, TEXT)
    .map(([ws, n, name]) => step("updateMember", (tx) => tx.updateMember(ws, `mem_${n}`, { name, onlineUntil: null }))),
  fc
    .tuple(WS, NUMBER, some("chatwoot", "freshchat"))
    .map(([ws, n, type]) =>
      step("createConnection", (tx) => tx.createConnection(connection(ws, `con_${n}`, { type }))),
    ),
  fc
    .tuple(WS, NUMBER, fc.option(TEXT))
    .map(([ws, n, problem]) =>
      step("updateConnection", (tx) =>
        tx.updateConnection(ws, `con_${n}`, { problem, installed: { n: String(n) }, version: n }),
      ),
    ),
  fc.tuple(WS, NUMBER).map(([ws, n]) => step("deleteConnection", (tx) => tx.deleteConnection(ws, `con_${n}`))),
  fc
    .tuple(fc.option(WS), NUMBER, SECONDS)
    .map(([ws, n, s]) => step("createToken", (tx) => tx.createToken(token(ws, `tok_${n}`, { expiresAt: at(s) })))),
  fc
    .tuple(fc.option(WS), NUMBER, SECONDS)
    .map(([ws, n, s]) => step("revokeToken", (tx) => tx.revokeToken(ws, `tok_${n}`, at(s)))),
  fc
    .tuple(WS, NUMBER, TEXT, fc.dictionary(TEXT, fc.oneof(TEXT, fc.integer()), { maxKeys: 3 }))
    .map(([ws, n, name, attributes]) =>
      step("converse", async (tx) => {
        const known = await tx.lockConversationByKey(ws, "bot_a", `key ${n}`);
        const visitor = { id: null, name, email: `${name}@x`, phone: null, attributes };
        const one = known ?? conversation(ws, `cnv_${ws}_${n}`, { key: `key ${n}` });
        const seq = one.lastMessageSeq + 1;
        const next = { ...one, visitor, lastMessageSeq: seq, lastEventSeq: seq };
        await (known === null ? tx.createConversation(next) : tx.saveConversation(next));
        if (known === null) await tx.createHandoff(handoff(ws, one.id, `hnd_${ws}_${n}`, { reason: name }));
        await tx.addMessages(ws, [message(one.id, seq, { text: name, externalId: `ext ${n} ${seq % 4}` })]);
        await tx.addEvents(ws, [event(one.id, seq, { handoffId: `hnd_${n}`, data: { name } })]);
        return await tx.knownExternalIds(ws, one.id, [`ext ${n} 0`, `ext ${n} 1`, "ext none"]);
      }),
    ),
  fc.tuple(WS, NUMBER, NUMBER, TEXT, SECONDS).map(([ws, n, c, reason, s]) =>
    step("createHandoff", (tx) =>
      tx.createHandoff(
        handoff(ws, `cnv_${ws}_${c}`, `hnd_${n}`, {
          reason,
          acceptBy: at(s),
          ref: { conversationId: String(n), contactId: null, url: null },
          destination: { id: `con_${n}`, team: null, priority: null, labels: [] },
        }),
      ),
    ),
  ),
  fc
    .tuple(WS, NUMBER, some("pending", "acknowledged", "resolved"), some("pending", "acknowledged", "resolved"))
    .map(([ws, n, from, status]) =>
      step("saveHandoff", async (tx) => {
        const one = await tx.handoff(ws, `hnd_${n}`);
        return one && (await tx.saveHandoff({ ...one, status, opened: true, agent: { id: "7", name: "Ioana" } }, from));
      }),
    ),
  fc
    .tuple(WS, NUMBER, fc.option(SECONDS))
    .map(([ws, n, s]) => step("scheduleLook", (tx) => tx.scheduleLook(ws, `hnd_${n}`, s === null ? null : at(s)))),
  fc.tuple(WS, NUMBER, TEXT).map(([ws, n, business]) =>
    step("createLead", async (tx) => {
      await tx.createLead(lead(ws, { conversationId: `cnv_${ws}_${n}`, handoffId: `hnd_${n}` }, `led_${ws}_${n}`));
      await tx.addConsent(ws, `led_${ws}_${n}`, consent({ business }));
    }),
  ),
  fc
    .tuple(LANE, TEXT, SECONDS, fc.boolean(), NUMBER)
    .map(([lane, text, s, isHeld, n]) =>
      step("addDeliveries", (tx) =>
        tx.addDeliveries(
          [delivery("ws_a", lane, { payload: { text }, handoffId: `hnd_${n}`, ...(isHeld && { state: "held" }) })],
          at(s),
        ),
      ),
    ),
  fc.tuple(LANE, SECONDS).map(([lane, s]) =>
    step("claimLane", async (tx, claims) => {
      const claim = await tx.claimLane(lane, at(s), 10_000);
      if (claim !== null) claims.push(claim);
      return claim;
    }),
  ),
  fc.tuple(fc.nat(5), SECONDS, some("done", "dead", "dropped")).map(([which, s, state]) =>
    step("finishDelivery", async (tx, claims) => {
      const claim = claims.at(-1 - which);
      if (claim === undefined) return "no claim";
      const next = await tx.finishDelivery(claim, { state, error: state === "done" ? null : "refused" }, at(s), 10_000);
      if (next) claims.push(next);
      return next;
    }),
  ),
  fc
    .tuple(fc.nat(5), SECONDS, fc.boolean(), fc.boolean(), TEXT)
    .map(([which, s, mayHaveHappened, countAttempt, error]) =>
      step("postponeDelivery", async (tx, claims) => {
        const claim = claims.at(-1 - which);
        return (
          claim &&
          (await tx.postponeDelivery(claim, { nextAt: at(s + 5), error, mayHaveHappened, countAttempt }, at(s)))
        );
      }),
    ),
  fc.tuple(fc.nat(5), SECONDS, TEXT).map(([which, s, text]) =>
    step("saveProgress", async (tx, claims) => {
      const claim = claims.at(-1 - which);
      return claim && [await tx.saveProgress(claim, { text }), await tx.renewLane(claim, at(s), 10_000)];
    }),
  ),
  fc.tuple(WS, LANE, SECONDS).map(([ws, lane, s]) => step("dropLane", (tx) => tx.dropLane(ws, lane, "removed", at(s)))),
  fc
    .tuple(WS, fc.integer({ min: 1, max: 9 }), SECONDS)
    .map(([ws, n, s]) => step("retryDelivery", (tx) => tx.retryDelivery(ws, n, at(s)))),
  fc.tuple(WS, SECONDS).map(([ws, s]) => step("hurryConnection", (tx) => tx.hurryConnection(ws, "con_a", at(s)))),
  SECONDS.map((s) => step("releaseHeld", (tx) => tx.releaseHeld(at(s)))),
  fc
    .tuple(NUMBER, NUMBER, TEXT, SECONDS)
    .map(([n, key, body, s]) =>
      step("recordWebhook", (tx) =>
        tx.recordWebhook(webhook(`whk_${n}_${key}`, `key ${key}`, { body, receivedAt: at(s) })),
      ),
    ),
  fc
    .tuple(NUMBER, NUMBER, some("done", "failed"), TEXT)
    .map(([n, key, state, error]) =>
      step("finishWebhook", (tx) => tx.finishWebhook(`whk_${n}_${key}`, state, error, at(0))),
    ),
  fc
    .tuple(NUMBER, NUMBER, SECONDS, TEXT)
    .map(([n, key, s, error]) => step("postponeWebhook", (tx) => tx.postponeWebhook(`whk_${n}_${key}`, at(s), error))),
  fc.tuple(TEXT, NUMBER, TEXT).map(([scope, n, body]) =>
    step("storeAnswer", async (tx) => {
      const before = await tx.storedAnswer(scope, String(n));
      if (before === null) await tx.storeAnswer(scope, String(n), { requestHash: "h", status: 200, body }, at(n));
      return before;
    }),
  ),
  fc.tuple(WS, NUMBER, NUMBER, SECONDS).map(([workspaceId, n, hash, s]) =>
    step("createSignInLink", (tx) =>
      tx.createSignInLink({
        hash: `hash ${hash}`,
        workspaceId,
        memberId: `mem_${n}`,
        createdAt: at(0),
        expiresAt: at(s),
      }),
    ),
  ),
  fc.tuple(NUMBER, SECONDS).map(([hash, s]) => step("useSignInLink", (tx) => tx.useSignInLink(`hash ${hash}`, at(s)))),
  fc
    .tuple(WS, NUMBER, SECONDS)
    .map(([ws, n, s]) => step("dropSignInLink", (tx) => tx.dropSignInLink(ws, `mem_${n}`, at(s)))),
);

/** What somebody is told who does this: the value, or which kind of fault. */
async function told(store: Store, claims: ClaimedLane[], one: Step): Promise<unknown> {
  try {
    return plain(await store.write((tx) => one.act(tx, claims)));
  } catch (error) {
    return `fails: ${error instanceof HandoffError ? error.code : wordsOf(error)}`;
  }
}

function wordsOf(error: unknown): string {
  const words = error instanceof Error ? error.message : "";
  return /unique/i.test(words) ? "not unique" : /foreign key/i.test(words) ? "refers to nothing" : words;
}

/** Without getters and sets, so that two of them can be compared. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(
      value instanceof Set ? [...(value as Set<string>)].toSorted((a, b) => a.localeCompare(b)) : (value ?? null),
    ),
  );

const byId = <T extends { id: string }>(rows: readonly T[]) => rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));

/** Everything that can be asked. */
async function portrait(read: Reads, texts: readonly string[]): Promise<unknown> {
  const of = async (ws: string) => [
    await read.bots(ws),
    await read.members(ws),
    await read.onlineMembers(ws, at(40)),
    await read.connections(ws),
    await read.tokens(ws),
    await Promise.all([1, 2, 3].map((n) => read.conversationByKey(ws, "bot_a", `key ${n}`))),
    await Promise.all([1, 2, 3].map((n) => read.messages(ws, `cnv_${ws}_${n}`, { afterSeq: 1, upToSeq: 5, limit: 3 }))),
    await Promise.all([1, 2, 3].map((n) => read.events(ws, `cnv_${ws}_${n}`, { afterSeq: 0, limit: 50 }))),
    await Promise.all([1, 2, 3].map((n) => read.handoffEvents(ws, `hnd_${n}`))),
    await Promise.all([1, 2, 3].map((n) => read.lastHandoff(ws, `cnv_${ws}_${n}`))),
    await Promise.all([1, 2, 3].map((n) => read.handoffByRef(ws, `con_${n}`, String(n)))),
    await Promise.all([1, 2, 3].map((n) => read.unopenedHandoffs(ws, `con_${n}`))),
    await Promise.all([1, 2, 3].map((n) => read.openHandoffsAt(ws, `con_${n}`, { limit: 1 }))),
    await read.handoffs(ws, { limit: 2 }),
    await Promise.all(texts.map((text) => read.handoffs(ws, { limit: 10, text }))),
    await read.pendingCount(ws, "bot_a"),
    await read.leads(ws, { limit: 10 }),
    await read.deliveries(ws, { limit: 3 }),
    await read.deliveries(ws, { limit: 50, state: "waiting" }),
    await read.deliveryCounts(ws),
    await read.oldestOwed(ws),
  ];
  return plain([
    await of("ws_a"),
    await of("ws_b"),
    await read.tokens(null),
    (await read.revokedTokenIds(at(30))).toSorted(),
    byId(await read.overdueHandoffs(at(60), 50)),
    await read.handoffsToLook(at(60), 50),
    await read.connectionsOfTypes(["chatwoot"]),
    (await read.dueLanes(at(200), 50, ["con_a"])).map((one) => one.lane).toSorted(),
    (await read.waitingWebhooks(at(90), 50)).map((one) => ({ ...one })),
  ]);
}

describe.skipIf(missing !== undefined)("SQLite and PostgreSQL", () => {
  let database: FreshDatabase;
  let postgres: Store;
  beforeAll(async () => {
    database = await freshDatabase();
    postgres = await openPostgresStore(database.url, { connections: { units: 2, reads: 2 }, timing: PATIENT });
  });
  afterAll(async () => {
    await postgres.close();
    await database.drop();
  });

  test("give the same answers after any history", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(STEPS, { minLength: 15, maxLength: 60 }),
        fc.array(TEXT, { maxLength: 2 }),
        async (steps, texts) => {
          await database.empty();
          const directory = mkdtempSync(join(tmpdir(), "baton-alike-"));
          const sqlite = await openSqliteStore(join(directory, "baton.db"));
          try {
            for (const store of [sqlite, postgres])
              await store.write(async (tx) => {
                await addShop(tx, "a");
                await addShop(tx, "b");
              });
            const claims: [ClaimedLane[], ClaimedLane[]] = [[], []];
            for (const one of steps) {
              const outcome = await told(sqlite, claims[0], one);
              expect([one.name, await told(postgres, claims[1], one)]).toEqual([one.name, outcome]);
              if (!(typeof outcome === "string" && outcome.startsWith("fails"))) seen.add(one.name);
            }
            expect(await portrait(postgres.read, ["a", ...ODD.map((text) => text.toLowerCase()), ...texts])).toEqual(
              await portrait(sqlite.read, ["a", ...ODD.map((text) => text.toLowerCase()), ...texts]),
            );
          } finally {
            await sqlite.close();
            rmSync(directory, { recursive: true });
          }
        },
      ),
      { numRuns: 25 },
    );
    // Every kind of step has worked somewhere: what always fails would show nothing.
    expect([...seen].toSorted()).toEqual([
      "addDeliveries",
      "claimLane",
      "converse",
      "createBot",
      "createConnection",
      "createHandoff",
      "createLead",
      "createMember",
      "createSignInLink",
      "createToken",
      "deleteConnection",
      "dropLane",
      "dropSignInLink",
      "finishDelivery",
      "finishWebhook",
      "hurryConnection",
      "postponeDelivery",
      "postponeWebhook",
      "recordWebhook",
      "releaseHeld",
      "retryDelivery",
      "revokeToken",
      "saveHandoff",
      "saveProgress",
      "scheduleLook",
      "storeAnswer",
      "updateBot",
      "updateConnection",
      "updateMember",
      "useSignInLink",
    ]);
  }, 240_000);
});
