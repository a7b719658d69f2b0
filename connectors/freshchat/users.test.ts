import { afterEach, describe, expect, test } from "vitest";
import { ledger } from "../../test/contracts/effects.ts";
import { freshchatBench } from "../../test/contracts/freshchat-bench.ts";
import type { FreshchatBench } from "../../test/contracts/freshchat-bench.ts";
import { ana, handoff } from "../../test/contracts/freshchat-samples.ts";
import type { Visitor } from "../../test/contracts/freshchat-samples.ts";
import type { FreshchatOptions } from "../../test/simulators/freshchat/index.ts";

let bench: FreshchatBench;
afterEach(() => bench.stop());
const start = async (options: FreshchatOptions = {}) => {
  bench = await freshchatBench(options);
  return bench.simulator;
};

let attempts = 0;
const openFor = (visitor: Visitor, conversationId = "cnv_1abc") =>
  bench.connector.open(handoff({ conversationId }, visitor), ledger(`dlv_${(attempts += 1)}`).attempt());

/** A user that the team had before, made over the API. */
async function existing(fields: Record<string, unknown>): Promise<string> {
  const response = await fetch(`${bench.simulator.url}/v2/users`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${bench.simulator.apiToken}` },
    body: JSON.stringify(fields),
  });
  return ((await response.json()) as { id: string }).id;
}

const nobody: Visitor = { id: null, name: null, email: null, phone: null, attributes: {} };
const propertiesOf = (id: string) =>
  Object.fromEntries(bench.simulator.user(id).properties.map(({ name, value }) => [name, value]));

const isFilter = (method: string, path: string) => method === "GET" && path === "/v2/users";
const isMaking = (method: string, path: string) => method === "POST" && path === "/v2/users";

describe("the visitor as a FreshChat user", () => {
  test("is made with what is known", async () => {
    const simulator = await start();
    const { contactId } = await openFor(ana);
    expect(simulator.users()).toHaveLength(1);
    expect(simulator.users()[0]).toMatchObject({
      id: contactId,
      referenceId: "v-5",
      firstName: "Ana",
      lastName: "Maria Pop",
      email: "ana@example.com",
      phone: "+40712345678",
      properties: [{ name: "plan", value: "pro" }],
    });
  });

  test("is known by the conversation while nobody knows who it is, and by that alone", async () => {
    const simulator = await start();
    const first = await openFor(nobody);
    const again = await openFor(nobody);
    const other = await openFor(nobody, "cnv_other");
    expect(again.contactId).toBe(first.contactId);
    expect(other.contactId).not.toBe(first.contactId);
    expect(simulator.user(first.contactId ?? "")).toMatchObject({
      referenceId: "baton-cnv_1abc",
      firstName: "Visitor",
      lastName: "1abc",
    });
  });

  test.each([
    ["reference", { reference_id: "v-5", first_name: "Ana" }],
    ["email, whatever its case", { email: "Ana@Example.com", first_name: "Ana" }],
    ["phone number", { phone: "+40712345678", first_name: "Ana" }],
  ])("is found by %s", async (_by, fields) => {
    const simulator = await start();
    const id = await existing(fields);
    expect((await openFor(ana)).contactId).toBe(id);
    expect(simulator.users()).toHaveLength(1);
  });

  test("is found by an address with a plus sign", async () => {
    await start();
    const id = await existing({ email: "ana+shop@example.com" });
    expect((await openFor({ ...ana, email: "ana+shop@example.com" })).contactId).toBe(id);
  });

  test("is not somebody with the same address and another reference", async () => {
    const simulator = await start();
    const other = await existing({ reference_id: "v-9", email: "ana@example.com", first_name: "Cornel" });
    const { contactId } = await openFor(ana);
    expect(contactId).not.toBe(other);
    expect(simulator.user(other)).toMatchObject({ referenceId: "v-9", firstName: "Cornel", phone: null });
  });

  test("is the newest of several with its reference", async () => {
    await start({ existingReferenceId: "duplicate" });
    await existing({ reference_id: "v-5", first_name: "Old" });
    const newer = await existing({ reference_id: "v-5", first_name: "New" });
    expect((await openFor(ana)).contactId).toBe(newer);
  });

  test("is compared again: a filter that FreshChat ignores finds nobody", async () => {
    const simulator = await start();
    const stranger = await existing({ reference_id: "v-1", email: "stranger@example.com" });
    const ignoring = { id: stranger, reference_id: "v-1", email: "stranger@example.com" };
    simulator.trouble.failAfterDoingTheWork(3, { status: 200 as 400, match: isFilter, body: { users: [ignoring] } });
    expect((await openFor(ana)).contactId).not.toBe(stranger);
  });

  test("is completed, and what it has is never overwritten", async () => {
    const simulator = await start();
    const id = await existing({
      reference_id: "v-5",
      first_name: "Anna",
      email: "work@example.com",
      properties: [
        { name: "plan", value: "basic" },
        { name: "city", value: "Cluj" },
      ],
    });
    await openFor({ ...ana, attributes: { plan: "pro", orders: 3 } });
    expect(simulator.user(id)).toMatchObject({
      firstName: "Anna",
      lastName: null,
      email: "work@example.com",
      phone: "+40712345678",
    });
    expect(propertiesOf(id)).toEqual({ plan: "basic", city: "Cluj", orders: "3" });
  });

  test("lacks nothing: nothing is written", async () => {
    const simulator = await start();
    await openFor(ana);
    await openFor(ana);
    const writes = simulator.requests().filter(({ method, path }) => method !== "GET" && path.startsWith("/v2/users"));
    expect(writes).toHaveLength(1);
  });

  test("gets a person although the email is mistyped, which is kept as it was given", async () => {
    const simulator = await start();
    const { contactId } = await openFor({ ...ana, email: "ana at example" });
    expect(simulator.user(contactId ?? "")).toMatchObject({ email: null, phone: "+40712345678" });
    expect(propertiesOf(contactId ?? "")).toEqual({ plan: "pro", email_as_given: "ana at example" });
  });

  test.each([
    [1, { email: null, phone: "+40712345678" }, { plan: "pro", email_as_given: "ana@example.com" }],
    [2, { email: "ana@example.com", phone: null }, { plan: "pro", phone_as_given: "+40712345678" }],
    [
      3,
      { email: null, phone: null },
      { plan: "pro", email_as_given: "ana@example.com", phone_as_given: "+40712345678" },
    ],
    [4, { email: null, phone: null }, {}],
  ])("gets a person although FreshChat refused %i forms of the user without saying why", async (times, kept, given) => {
    const simulator = await start();
    simulator.trouble.failNext(times, { status: 400, match: isMaking });
    const { contactId } = await openFor(ana);
    expect(simulator.user(contactId ?? "")).toMatchObject({ referenceId: "v-5", firstName: "Ana", ...kept });
    expect(propertiesOf(contactId ?? "")).toEqual(given);
  });

  test("was made by somebody else in between: that one is used", async () => {
    const simulator = await start();
    const id = await existing({ reference_id: "v-5", first_name: "Ana" });
    // Neither reference, email nor phone number finds it the first time.
    simulator.trouble.failNext(3, { status: 400, match: isFilter });
    expect((await openFor(ana)).contactId).toBe(id);
    expect(simulator.users()).toHaveLength(1);
  });

  test("has its values bounded, as text", async () => {
    await start();
    const attributes = { long: "x".repeat(5_000), yes: true, none: null, list: [1, "b"], "": "nameless" };
    const { contactId } = await openFor({ ...ana, attributes });
    const properties = propertiesOf(contactId ?? "");
    expect(properties["long"]).toHaveLength(1_000);
    expect(properties).toMatchObject({ yes: "true", list: '[1,"b"]' });
    expect(Object.keys(properties)).toEqual(["long", "yes", "list"]);
  });
});
