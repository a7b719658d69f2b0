import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LeadContact } from "../../src/domain/lead-form.ts";
import { consent, conversation, handoff, lead, message } from "../contracts/store-samples.ts";
import { readCsv } from "./csv-reader.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let shop: { id: string; admin: string };
let bot: { id: string };
let n = 0;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  shop = await world.workspace("Lamp Shop");
  bot = (await world.call("POST", "/v1/bots", { token: shop.admin, body: { name: "Lamp bot" } })).body;
});

const HEADER =
  "id,created_at,state,followed_up_at,followed_up_by,note,name,email,phone,issue,bot_id,bot,handoff_id,conversation_id,page_url," +
  "locale,consent_agreed_at,consent_version,consent_url,consent_text_sha256";

/** A lead with its conversation. */
async function leave(contact: Partial<LeadContact>, createdAt = new Date("2026-11-20T09:00:00Z")): Promise<string> {
  n += 1;
  const [cnv, hnd, id] = [`cnv_l${n}`, `hnd_l${n}`, `led_l${String(n).padStart(6, "0")}`];
  const whole = { name: null, email: null, phone: null, issue: null, ...contact };
  const ref = { conversationId: "77", contactId: "5", url: "https://desk.example/app/77" };
  await world.store.write(async (tx) => {
    await tx.createConversation(conversation(shop.id, cnv, { botId: bot.id, lastMessageSeq: 2 }));
    await tx.addMessages(shop.id, [message(cnv, 1, { text: "Where is my order?" }), message(cnv, 2)]);
    await tx.createHandoff(handoff(shop.id, cnv, hnd, { botId: bot.id, mode: "lead", ref }));
    const more = { botId: bot.id, contact: whole, createdAt, transcriptSeq: 1, pageUrl: "https://shop.example/p/7" };
    await tx.createLead(lead(shop.id, { conversationId: cnv, handoffId: hnd }, id, more));
    await tx.addConsent(shop.id, id, consent());
  });
  return id;
}
const get = (path: string, token = shop.admin) => world.call("GET", path, { token });
const patch = (id: string, body: unknown, token = shop.admin) =>
  world.call("PATCH", `/v1/leads/${id}`, { token, body });
const idsIn = async (query: string) =>
  ((await get(`/v1/leads?${query}`)).body.items as { id: string }[]).map(({ id }) => id);

describe("leads", () => {
  test("are found, filtered and counted", async () => {
    const ana = await leave({ name: "Ana Țepeș", phone: "+40722123456" });
    const bob = await leave({ name: "Bob", issue: "the lamp of Ana" }, new Date("2026-11-21T09:00:00Z"));
    expect(await idsIn("search=tepes")).toEqual([ana]);
    expect(await idsIn("search=ANA")).toEqual([bob, ana]);
    expect(await idsIn("search=0722%20123%20456")).toEqual([ana]);
    expect(await idsIn("from=2026-11-21T00:00:00Z")).toEqual([bob]);
    expect(await idsIn("to=2026-11-21T02:00:00%2B02:00")).toEqual([ana]);
    expect(await idsIn("botId=bot_none")).toEqual([]);
    await patch(ana, { state: "followed_up" });
    expect(await idsIn("state=open")).toEqual([bob]);
    expect((await get("/v1/leads/counts")).body).toEqual({ open: 1, followed_up: 1 });
    expect((await get("/v1/leads/counts?search=bob")).body).toEqual({ open: 1, followed_up: 0 });
  });

  test.each(["from=yesterday", "state=done", "search=a&search=b", "limit=0", "name=ana"])(
    "a filter that means nothing is told: %s",
    async (query) => {
      expect((await get(`/v1/leads?${query}`)).status).toBe(400);
    },
  );

  test("are read whole: conversation, products, consent, handoff, page", async () => {
    const { body } = await get(`/v1/leads/${await leave({ name: "Ana" })}`);
    expect(body).toMatchObject({
      contact: { name: "Ana" },
      consent: { business: "Lamp Shop", version: "1" },
      pageUrl: "https://shop.example/p/7",
      products: [{ name: "Desk lamp" }],
      summary: "Order 1042 has not arrived.",
      handoff: { status: "pending", mode: "lead" },
      helpdeskUrl: "https://desk.example/app/77",
      transcript: [{ role: "visitor", text: "Where is my order?" }],
      followUp: { state: "open", at: null, by: null, note: null },
    });
  });
});

describe("following up", () => {
  test("tells who and when, by the member's name", async () => {
    const id = await leave({ name: "Ana" });
    const member = (await world.call("POST", "/v1/members", { token: shop.admin, body: { name: "Ioana" } })).body;
    const at = new Date(Date.now() + 60_000);
    world.setClock(at);
    const token = world.token("agent", shop.id, member.id);
    const { status, body } = await patch(id, { state: "followed_up", note: " Called back. " }, token);
    world.setClock(null);
    expect(status).toBe(200);
    const followUp = {
      state: "followed_up",
      at: at.toISOString(),
      by: { id: member.id, name: "Ioana" },
      note: "Called back.",
    };
    expect(body.followUp).toEqual(followUp);
    expect((await get(`/v1/leads/${id}`)).body.followUp).toEqual(followUp);
  });

  test("a note alone does not say who followed up; null takes it away", async () => {
    const id = await leave({ name: "Ana" });
    expect((await patch(id, { note: "Call on Monday" })).body.followUp).toMatchObject({ state: "open", by: null });
    expect((await patch(id, { note: null })).body.followUp.note).toBeNull();
  });

  test.each([[{}], [{ note: "x".repeat(2_001) }], [{ state: "done" }], [{ state: "open", by: "me" }]])(
    "is refused as %j",
    async (body) => {
      expect((await patch(await leave({}), body)).status).toBe(422);
    },
  );

  test("is in the audit log without the visitor: state, and that there is a note", async () => {
    const id = await leave({ name: "Canary Visitor", email: "canary@example.com" });
    await patch(id, { state: "followed_up", note: "Canary Visitor wants a lamp" });
    await patch(id, { state: "followed_up" });
    await patch(id, { state: "open" });
    const { body, text } = await get(`/v1/audit?objectId=${id}`);
    expect(body.items.map((one: { action: string; changes: unknown }) => [one.action, one.changes])).toEqual([
      ["lead.reopened", [{ path: "state", before: "followed_up", after: "open" }]],
      [
        "lead.followed_up",
        [
          { path: "state", before: "open", after: "followed_up" },
          { path: "note", secret: true },
        ],
      ],
    ]);
    expect(text).not.toMatch(/canary/i);
  });
});

const csv = async (query = "") => {
  const answer = await get(`/v1/leads.csv${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer;
};
/** The names in the export. */
const names = async (query: string) =>
  readCsv((await csv(query)).text.slice(1))
    .slice(1)
    .map((row) => row[6]);

describe("the export", () => {
  test("is a file of UTF-8 with a mark, whose columns keep their names", async () => {
    const id = await leave({ name: 'Ștefan, the "Lamp"', email: "s@example.com", issue: "line one\nline two" });
    await patch(id, { state: "followed_up", note: "=1+1" });
    const answer = await csv();
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(answer.headers.get("content-disposition")).toMatch(/^attachment; filename="leads-\d{4}-\d\d-\d\d\.csv"$/);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    const [head = [], row = [], ...more] = readCsv(answer.text.replace(/^\ufeff/, ""));
    expect(more).toEqual([]);
    expect(head.join(",")).toBe(HEADER);
    const told = Object.fromEntries(head.map((name, at) => [name, row[at]]));
    expect(told).toMatchObject({
      id,
      created_at: "2026-11-20T09:00:00.000Z",
      state: "followed_up",
      note: "'=1+1",
      name: 'Ștefan, the "Lamp"',
      email: "s@example.com",
      phone: "",
      issue: "line one\nline two",
      bot: "Lamp bot",
      consent_agreed_at: "2026-11-20T09:00:05.000Z",
      consent_version: "1",
    });
  });

  test("begins with the mark, byte for byte", async () => {
    const answer = await fetch(`${world.url}/v1/leads.csv`, { headers: { Authorization: `Bearer ${shop.admin}` } });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(Buffer.from(bytes.slice(0, 6)).toString("hex")).toBe(`efbbbf${Buffer.from('"id').toString("hex")}`);
  });

  test("holds what the filters leave, newest first, over many pages", async () => {
    for (let day = 1; day <= 3; day += 1) await leave({ name: `Ana ${day}` }, new Date(`2026-11-0${day}T09:00:00Z`));
    await leave({ name: "Bob" });
    await world.store.write(async (tx) => {
      for (let k = 0; k < 1_201; k += 1) {
        const id = `led_many_${String(k).padStart(5, "0")}`;
        const of = { conversationId: "cnv_l1", handoffId: `hnd_many_${shop.id}_${k}` };
        await tx.createLead(
          lead(shop.id, of, `${id}_${shop.id}`, { botId: bot.id, contact: { ...NOBODY, name: "Many" } }),
        );
      }
    });
    expect(await names("?search=ana&from=2026-11-02T00:00:00Z")).toEqual(["Ana 3", "Ana 2"]);
    expect((await names("?search=many")).length).toBe(1_201);
    expect((await names("")).length).toBe(1_205);
  });

  test("is noted in the audit log, without what was searched for", async () => {
    await csv("?search=canary&state=open");
    const { body, text } = await get("/v1/audit?action=leads.exported");
    expect(body.items[0]).toMatchObject({
      actor: { kind: "token" },
      changes: [
        { path: "search", secret: true },
        { path: "state", after: "open" },
      ],
    });
    expect(text).not.toContain("canary");
  });

  test("is for admins, and of their own workspace", async () => {
    await leave({ name: "Ana" });
    expect((await get("/v1/leads.csv", world.token("agent", shop.id, "mem_x"))).status).toBe(403);
    const other = await world.workspace("Next door");
    expect(readCsv((await get("/v1/leads.csv", other.admin)).text.slice(1))).toHaveLength(1);
  });

  test("answers HEAD without a body", async () => {
    const headers = { Authorization: `Bearer ${shop.admin}` };
    const answer = await fetch(`${world.url}/v1/leads.csv`, { method: "HEAD", headers });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });
});

const NOBODY = { name: null, email: null, phone: null, issue: null };
