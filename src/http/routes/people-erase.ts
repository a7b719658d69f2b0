import { z } from "zod";
import { identifierKey, identifiersGiven, identifiersOf } from "../../domain/person.ts";
import type { PersonGiven } from "../../domain/person.ts";
import { carryOutErasure, NOTHING, planErasure, sum } from "../../handoffs/person-erase.ts";
import type { ErasurePlan } from "../../handoffs/person-erase.ts";
import { conversationsOf, isPerson } from "../../handoffs/person.ts";
import { newId } from "../../ids.ts";
import type { AuditObject } from "../../ports-audit.ts";
import type { Erasure, ErasureCounts } from "../../ports-people.ts";
import { actorOf } from "../audit.ts";
import type { Auditor } from "../audit.ts";
import type { PrincipalOf } from "../principal.ts";
import { defineRoute } from "../route.ts";
import type { Answer, Route, RouteInput } from "../route.ts";
import { mapPage, pageOf, PageQuery } from "../shapes.ts";
import type { AdminDeps } from "./deps.ts";
import { Counts, CopyShown, ErasureShown, SentMailShown, showCopy, showErasure } from "./people-views.ts";

const TAG = "People";
const MOST_GIVEN = 1_000;

interface Order {
  readonly principal: PrincipalOf<"admin">;
  readonly person: PersonGiven;
  readonly force: boolean;
  readonly now: Date;
  readonly unit: RouteInput<"admin", undefined, undefined, undefined>["unit"];
  readonly audit: Auditor;
}

const OWN_COPIES =
  "Backups from before hold the person. Whoever restores one applies the erasures again: `baton restore` does so by itself, after a " +
  "restore of PostgreSQL `baton people reapply-erasures` does.";
const BOTS_COPIES = "The bot keeps what it keeps in its own system: erase the person there as well.";

/** Erasing, its record, and what is done when a backup brings people back. */
export function erasurePart(deps: AdminDeps) {
  const { store, personHashes: hashes } = deps;

  const identified = (workspaceId: string, person: PersonGiven): Erasure["identifiers"] =>
    identifiersGiven(person).map((one) => ({ kind: one.kind, hash: hashes.of(workspaceId, identifierKey(one)) }));

  async function* everyErasure(workspaceId: string): AsyncGenerator<Erasure> {
    let cursor: string | undefined;
    do {
      const page = await store.read.erasures(workspaceId, { cursor, limit: 200 });
      yield* page.items;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Those of one of the person's identifiers, under whichever key. Newest first. */
  async function ofPerson(workspaceId: string, person: PersonGiven): Promise<readonly Erasure[]> {
    const known = new Set(identifiersGiven(person).flatMap((one) => hashes.all(workspaceId, identifierKey(one))));
    const found: Erasure[] = [];
    for await (const one of everyErasure(workspaceId))
      if (one.identifiers.some(({ hash }) => known.has(hash))) found.push(one);
    return found;
  }

  const objectOf = (workspaceId: string, person: PersonGiven): AuditObject => ({
    type: "person",
    id: identified(workspaceId, person)[0]?.hash ?? "",
    name: null,
  });

  /** The record of one that was cut off is gone on with; else there is a new one. */
  async function begin({ principal, now }: Order, plan: ErasurePlan, cut: Erasure | undefined, of: PersonGiven) {
    const { workspaceId } = principal;
    const { copies, mails } = plan;
    return await store.write(async (tx) => {
      const record: Erasure =
        cut === undefined
          ? {
              id: newId("erasure"),
              workspaceId,
              startedAt: now,
              finishedAt: null,
              actor: await actorOf(tx, principal),
              identifiers: identified(workspaceId, of),
              counts: NOTHING,
              copies,
              mails,
            }
          : { ...cut, copies: united(cut.copies, copies), mails: united(cut.mails, mails) };
      await tx.saveErasure(record);
      return record;
    });
  }

  async function receipt(erasure: Erasure | null, stays: readonly string[]): Promise<Answer> {
    const { workspaceId, copies = [], mails = [] } = erasure ?? { workspaceId: "" };
    const connections = erasure === null ? [] : await store.read.connections(workspaceId);
    return {
      status: 200,
      body: {
        erasure: erasure && showErasure(erasure),
        copies: copies.map((copy) => showCopy(copy, connections)),
        mails: mails.map(({ to, sentAt }) => ({ to, sentAt: sentAt.toISOString() })),
        stays: erasure === null ? [] : [...stays, OWN_COPIES, BOTS_COPIES],
      },
    };
  }

  async function erase(order: Order): Promise<Answer> {
    const { principal, person, force, unit, audit } = order;
    const { workspaceId } = principal;
    const conversationIds = await conversationsOf(store.read, workspaceId, isPerson(person));
    const before = await ofPerson(workspaceId, person);
    const own = JSON.stringify(identified(workspaceId, person));
    const cut = before.find((one) => one.finishedAt === null && JSON.stringify(one.identifiers) === own);
    if (conversationIds.length === 0 && cut === undefined) return await receipt(before[0] ?? null, []);

    const plan = await planErasure(deps.handoffs, { workspaceId, conversationIds, force });
    const record = await begin(order, plan, cut, person);
    const counts = await carryOutErasure(deps.handoffs, plan, (tx, done) =>
      tx.saveErasure({ ...record, counts: sum(record.counts, done) }),
    );
    const stays = await store.scrub();
    const finished: Erasure = { ...record, counts: sum(record.counts, counts), finishedAt: deps.clock() };
    await unit(async (tx) => {
      await tx.saveErasure(finished);
      const object = objectOf(workspaceId, person);
      await audit.note(tx, { workspaceId, action: "person.erased", object, changes: toldCounts(finished.counts) });
      return { status: 200 };
    });
    return await receipt(finished, stays);
  }

  const routes: Route[] = [
    defineRoute({
      method: "GET",
      path: "/v1/erasures",
      summary: "Who was erased when",
      description:
        "Without a word about them. Keep it apart from backups: with it, erasures are applied to a restored one again.",
      tag: TAG,
      scopes: ["admin"],
      query: PageQuery,
      responses: { 200: { description: "Records, newest first", schema: pageOf(ErasureShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        return { status: 200, body: mapPage(await store.read.erasures(principal.workspaceId, query), showErasure) };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/erasures/reapply",
      summary: "Apply erasures to restored data again",
      description:
        "Whoever was erased and is back, since a backup was restored, is erased once more: of what is older than the erasure. Records " +
        "that the backup does not have yet can be given, as GET /v1/erasures told them.",
      tag: TAG,
      scopes: ["admin"],
      body: z
        .strictObject({ erasures: z.array(ErasureShown).max(MOST_GIVEN).default([]) })
        .prefault({})
        .meta({ id: "ReapplyOrder" }),
      responses: {
        200: {
          description: "What was erased now",
          schema: z
            .strictObject({
              counts: Counts,
              copies: z.array(CopyShown),
              mails: z.array(SentMailShown),
              stays: z.array(z.string()),
            })
            .meta({ id: "Reapplied" }),
        },
      },
      errors: [409],
      idempotent: false,
      async handler({ principal, body, unit, audit }) {
        const { workspaceId } = principal;
        const isKnown = new Set<string>();
        for await (const { id } of everyErasure(workspaceId)) isKnown.add(id);
        const missing = body.erasures.filter(({ id }) => !isKnown.has(id));
        await store.write(async (tx) => {
          for (const one of missing) await tx.saveErasure(taken(workspaceId, one));
        });
        const until = new Map<string, number>();
        for await (const { identifiers, startedAt } of everyErasure(workspaceId))
          for (const { hash } of identifiers) until.set(hash, Math.max(until.get(hash) ?? 0, startedAt.getTime()));
        const conversationIds = await conversationsOf(store.read, workspaceId, (contact) =>
          identifiersOf(contact).some((one) =>
            hashes
              .all(workspaceId, identifierKey(one))
              .some((hash) => (until.get(hash) ?? 0) > contact.createdAt.getTime()),
          ),
        );
        const plan = await planErasure(deps.handoffs, { workspaceId, conversationIds, force: true });
        const counts = await carryOutErasure(deps.handoffs, plan, () => Promise.resolve());
        const stays = conversationIds.length === 0 ? [] : await store.scrub();
        await unit(async (tx) => {
          const object = { type: "erasures", id: "erasures", name: null };
          await audit.note(tx, { workspaceId, action: "erasures.reapplied", object, changes: toldCounts(counts) });
          return { status: 200 };
        });
        const connections = await store.read.connections(workspaceId);
        const copies = plan.copies.map((copy) => showCopy(copy, connections));
        const mails = plan.mails.map(({ to, sentAt }) => ({ to, sentAt: sentAt.toISOString() }));
        return { status: 200, body: { counts: { ...counts }, copies, mails, stays: [...stays] } };
      },
    }),
  ];

  return { erase, ofPerson, objectOf, routes };
}

const toldCounts = (counts: ErasureCounts) =>
  Object.entries(counts).flatMap(([path, count]) => (count === 0 ? [] : [{ path, before: count, after: 0 }]));

/** Of two lists, each entry once. */
function united<Row>(one: readonly Row[], other: readonly Row[]): readonly Row[] {
  const all = new Map([...one, ...other].map((row) => [JSON.stringify(row), row]));
  return [...all.values()];
}

const taken = (workspaceId: string, given: z.infer<typeof ErasureShown>): Erasure => ({
  ...given,
  workspaceId,
  startedAt: new Date(given.startedAt),
  finishedAt: given.finishedAt === null ? null : new Date(given.finishedAt),
  mails: given.mails.map(({ to, sentAt }) => ({ to, sentAt: new Date(sentAt) })),
});
