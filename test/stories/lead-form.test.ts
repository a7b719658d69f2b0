import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** Nobody is at the inbox, so that each request becomes a lead at once. */
let world: World;
let round = 0;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  round += 1;
  await world.settings({ contactForm: null, form: null, terms: null, messages: null, agentLabel: null });
});

const details = { name: "Ana Pop", email: "ana@example.com" };
const submit = (handoffId: string, body: unknown) => world.bot.post(`/v1/handoffs/${handoffId}/lead`, body);
const newLead = async (about: Record<string, unknown> = {}) => (await ask(world, `c-${round}`, about)).body;

test("contactForm never: the offline message alone, and no details are taken", async () => {
  await world.settings({ contactForm: "never" });
  const { reply, form, handoff, guidance } = await newLead();
  expect([reply, form]).toEqual([[{ text: "Our team is not available right now." }], null]);
  expect(guidance).not.toContain("form");
  const refused = await submit(handoff.id, { fields: details, terms: { accepted: true } });
  expect([refused.status, refused.body.code]).toEqual([409, "wrong_state"]);
});

test("every field off: the offline message alone", async () => {
  await world.settings({ form: { name: "off", email: "off", issue: "off", phone: "off" } });
  const { reply, form, handoff } = await newLead();
  expect([reply, form]).toEqual([[{ text: "Our team is not available right now." }], null]);
  expect((await submit(handoff.id, { terms: true })).status).toBe(409);
});

test("terms off: no checkbox, and a lead without a consent record", async () => {
  await world.settings({ terms: { enabled: false } });
  const { form, handoff } = await newLead();
  expect(form.terms).toBeNull();
  const left = await submit(handoff.id, { fields: details });
  expect([left.status, left.body.lead.consent]).toEqual([201, null]);
});

test("terms with a URL of one's own are linked and kept", async () => {
  await world.settings({ terms: { enabled: true, url: "https://shop.example/terms" } });
  const { form, handoff } = await newLead();
  expect(form.terms.url).toBe("https://shop.example/terms");
  const left = await submit(handoff.id, { fields: details, terms: true });
  expect(left.body.lead.consent).toMatchObject({ url: "https://shop.example/terms" });
});

test("consent is on record: the words shown, their hash, language and address, and when", async () => {
  const { form, handoff } = await newLead({ locale: "de-AT" });
  const before = Date.now();
  const left = await submit(handoff.id, { fields: details, terms: { accepted: true } });
  const { id, consent } = left.body.lead;
  expect(consent.text).toBe(form.terms.label);
  expect(consent.hash).toBe(createHash("sha256").update(form.terms.label).digest("hex"));
  expect(consent.locale).toBe("de");
  const at = Date.parse(consent.agreedAt);
  expect(at).toBeGreaterThanOrEqual(before - 1_000);
  expect(at).toBeLessThanOrEqual(Date.now() + 1_000);
  const page = await fetch(consent.url);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("My business")]);
  const shown = (await world.admin.get(`/v1/leads/${id}`)).body;
  expect(shown.consent).toMatchObject({
    business: "My business",
    purpose: expect.any(String),
    method: expect.stringContaining("ticked"),
    hash: consent.hash,
  });
  expect(shown.transcript.slice(0, 3).map((line: { text: string }) => line.text)).toEqual([
    "Where is my order?",
    "Which number does it have?",
    "1042. I want a person.",
  ]);
});

test("without consent there is no lead", async () => {
  const { handoff } = await newLead();
  for (const terms of [undefined, null, false, { accepted: false }]) {
    const refused = await submit(handoff.id, { fields: details, terms });
    expect([refused.status, refused.body.code]).toEqual([422, "terms_not_accepted"]);
    expect(refused.body.faults.map((fault: { path: string }) => fault.path)).toEqual(["terms.accepted"]);
  }
  expect((await world.bot.get(`/v1/handoffs/${handoff.id}`)).body.lead).toBeNull();
});

test("a second click is answered like the first, other details are refused, and so is a form after the end", async () => {
  const { handoff } = await newLead();
  const first = await submit(handoff.id, { fields: details, terms: true });
  const second = await submit(handoff.id, { fields: { ...details, name: " Ana Pop " }, terms: true });
  expect([first.status, second.status]).toEqual([201, 200]);
  expect(second.body.lead.id).toBe(first.body.lead.id);
  expect(second.body.reply).toEqual(first.body.reply);
  const other = await submit(handoff.id, { fields: { ...details, name: "Eve" }, terms: true });
  expect([other.status, other.body.code]).toEqual([409, "wrong_state"]);
  expect((await world.bot.get(`/v1/handoffs/${handoff.id}`)).body.lead.contact.name).toBe("Ana Pop");

  round += 1;
  const ended = (await newLead()).handoff;
  await world.bot.post(`/v1/handoffs/${ended.id}/cancel`);
  const late = await submit(ended.id, { fields: details, terms: true });
  expect([late.status, late.body.code]).toEqual([409, "wrong_state"]);
});

test.each([
  ["fields and terms.accepted", { fields: details, terms: { accepted: true } }],
  ["fields and terms true", { fields: details, terms: true }],
  ["flat, and termsAccepted", { ...details, termsAccepted: true }],
  ["flat, and terms.accepted", { ...details, terms: { accepted: true } }],
])("the form is taken as %s", async (_form, body) => {
  const { handoff } = await newLead();
  const left = await submit(handoff.id, body);
  expect([left.status, left.body.lead?.contact]).toEqual([201, { ...details, issue: null, phone: null }]);
});

describe("hostile values", () => {
  test("HTML and templates are kept as the text that they are", async () => {
    const { handoff } = await newLead();
    const name = "<img src=x onerror=alert(1)>{{contact.email}}";
    const issue = "line 1\r\nBcc: eve@example.com\n<script>1</script>\u0000 \ud800 end";
    // JSON.stringify writes the lone surrogate as an escape, as a hostile client would.
    const left = await submit(handoff.id, { fields: { ...details, name, issue }, terms: true });
    expect(left.status).toBe(201);
    expect(left.body.lead.contact).toMatchObject({
      name,
      issue: "line 1\nBcc: eve@example.com\n<script>1</script> \ufffd end",
    });
    const told = await eventually(() =>
      world.callbacks.heard.find((one) => one.type === "lead.captured" && one.data.handoff.id === handoff.id),
    );
    expect(told.data.lead.contact.name).toBe(name);
  });

  test.each([
    ["a line break in a name", { name: "Ana\r\nBcc: eve@example.com" }, "fields.name"],
    ["a line break in an address", { email: "ana@example.com\nBcc: eve@example.com" }, "fields.email"],
    ["a name of 100 KB", { name: "a".repeat(100_000) }, "fields.name"],
    ["an issue of 100 KB", { issue: "a".repeat(100_000) }, "fields.issue"],
    ["a phone number that is a script", { phone: "<script>alert(1)</script>" }, "fields.phone"],
    ["a number for a name", { name: 5 }, "fields.name"],
    ["a list for an address", { email: ["ana@example.com"] }, "fields.email"],
    ["a field nobody asked for", { admin: true }, "fields"],
  ])("%s is refused in words", async (_what, fields, path) => {
    const { handoff } = await newLead();
    const refused = await submit(handoff.id, { fields: { ...details, ...fields }, terms: true });
    expect(refused.status).toBe(422);
    expect(refused.body.code).toBe("validation_failed");
    const paths = refused.body.faults.map((fault: { path: string }) => fault.path);
    expect(paths.some((one: string) => one.startsWith(path))).toBe(true);
    expect((await world.bot.get(`/v1/handoffs/${handoff.id}`)).body.lead).toBeNull();
  });

  test.each([[null], [[]], ["text"], [{ fields: null }], [{ fields: [] }], [{ terms: "yes" }], [{ role: "admin" }]])(
    "a body like %j is refused",
    async (body) => {
      const { handoff } = await newLead();
      const refused = await submit(handoff.id, JSON.stringify(body));
      expect([400, 422]).toContain(refused.status);
      expect(refused.body.code).toEqual(expect.any(String));
    },
  );
});
