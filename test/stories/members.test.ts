import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askedAndOpened, becomes } from "./steps.ts";
import { startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** The people of a workspace, from the first start on: who signs in, who takes what, and what becomes of it when they go. */

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

/** What a browser does on a page of Baton's own. */
async function page(method: string, path: string, given: { cookie?: string; body?: unknown } = {}) {
  const url = world.baton.baseUrl();
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      origin: url,
      "x-baton": "1",
      ...(given.cookie === undefined ? {} : { cookie: given.cookie }),
      ...(given.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === "" ? null : JSON.parse(text),
    cookie: response.headers.get("set-cookie")?.split(";")[0] ?? "",
  };
}
const codeIn = (url: string) => url.slice(url.indexOf("#") + 1);
const signInAs = async (member: { id: string }) => {
  const { body } = await world.admin.post(`/v1/members/${member.id}/sign-in-links`);
  return (await page("POST", "/v1/session", { body: { code: codeIn(body.url) } })).cookie;
};

test("the first start leaves a link for its owner, good for a week and once", async () => {
  const { signInUrl } = world.first;
  expect(signInUrl).toMatch(new RegExp(`^${world.baton.baseUrl()}/apps/sign-in#[\\w-]{22}$`));
  const file = join(world.dataDir, "first-run.json");
  expect(JSON.parse(readFileSync(file, "utf8")).signInUrl).toBe(signInUrl);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  world.advance(7 * 86_400_000 - 60_000);
  const body = { code: codeIn(signInUrl) };
  const entered = await page("POST", "/v1/session", { body });
  expect([entered.status, entered.body.member.name, entered.body.member.role]).toEqual([200, "Owner", "owner"]);
  expect((await page("POST", "/v1/session", { body })).body.code).toBe("sign_in_refused");
  expect((await page("GET", "/v1/bots", { cookie: entered.cookie })).body.items).toHaveLength(1);
});

test("after a week it is over, and another one is made", async () => {
  world.advance(7 * 86_400_000 + 60_000);
  const late = await page("POST", "/v1/session", { body: { code: codeIn(world.first.signInUrl) } });
  expect([late.status, late.body.code]).toEqual([403, "sign_in_refused"]);
  const [owner] = (await world.admin.get("/v1/members")).body.items;
  const cookie = await signInAs(owner);
  expect((await page("GET", "/v1/session", { cookie })).body.member.role).toBe("owner");
});

test("a session outlives a restart", async () => {
  const [owner] = (await world.admin.get("/v1/members")).body.items;
  const cookie = await signInAs(owner);
  await world.restart();
  await expect.poll(async () => (await page("GET", "/v1/session", { cookie }).catch(() => null))?.status).toBe(200);
});

test("what a member does in a browser carries their name", async () => {
  const { body: dana } = await world.admin.post("/v1/members", { name: "Dana", role: "admin" });
  const cookie = await signInAs(dana);
  await page("PUT", "/v1/members/me/presence", { cookie, body: { status: "online" } });
  const handoffId = await askedAndOpened(world, "c-1");
  expect((await page("POST", `/v1/handoffs/${handoffId}/accept`, { cookie })).status).toBe(200);
  expect((await page("POST", `/v1/handoffs/${handoffId}/messages`, { cookie, body: { text: "Hello" } })).status).toBe(
    201,
  );
  expect((await page("POST", `/v1/handoffs/${handoffId}/resolve`, { cookie })).status).toBe(200);
  const { events } = (await world.admin.get(`/v1/handoffs/${handoffId}`)).body;
  const by = events.filter(({ type }: { type: string }) => /acknowledged|resolved/.test(type));
  expect(by.map(({ data }: { data: { actor: unknown } }) => data.actor)).toEqual([
    { kind: "agent", name: "Dana" },
    { kind: "agent", name: "Dana" },
  ]);
  // In the name of an owner or admin a bot is changed, too: the audit log tells whose.
  await page("PATCH", `/v1/bots/${world.first.botId}`, { cookie, body: { name: "Lamp bot" } });
  const [entry] = (await world.admin.get("/v1/audit")).body.items;
  expect(entry).toMatchObject({ action: "bot.changed", actor: { kind: "member", id: dana.id, name: "Dana" } });
});

test("whoever is removed leaves their conversations to the others, and those in a helpdesk where they are", async () => {
  const [robin, irina] = [await world.agent("Robin"), await world.agent("Irina")];
  const own = await askedAndOpened(world, "c-own");
  const others = await askedAndOpened(world, "c-others");
  expect((await robin.client.post(`/v1/handoffs/${own}/accept`)).status).toBe(200);
  expect((await irina.client.post(`/v1/handoffs/${others}/accept`)).status).toBe(200);
  const connection = await world.connectChatwoot();
  await askedAndOpened(world, "c-desk");
  const there = world.chatwoot.conversations()[0]!.id;
  const taken = await robin.client.post(`/v1/connections/${connection}/conversations/${there}/accept`);
  expect(taken.status).toBe(200);

  const gone = await world.admin.delete(`/v1/members/${robin.id}`);
  expect([gone.status, gone.body]).toEqual([200, { handoffsReleased: 1, handoffsInHelpdesks: 1 }]);
  await becomes(world, "c-own", { status: "pending", control: "human" });
  await becomes(world, "c-others", { status: "acknowledged" });
  await becomes(world, "c-desk", { status: "acknowledged" });
  const { status, body } = await robin.client.post(`/v1/handoffs/${own}/accept`);
  expect([status, body.code]).toEqual([401, "unauthenticated"]);
  expect((await irina.client.post(`/v1/handoffs/${own}/accept`)).status).toBe(200);
});
