import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { newId } from "../../src/ids.ts";
import { freePort } from "../faults/sides.ts";
import { firstRunOf, startProgram } from "../faults/program.ts";
import { startChatwoot } from "../simulators/chatwoot/index.ts";
import type { ChatwootOptions, ChatwootSimulator } from "../simulators/chatwoot/index.ts";
import { ask, askedAndOpened, becomes, heard, historyOf, reply } from "./steps.ts";
import { client, eventually, startWorld } from "./world.ts";
import type { Answer, Client, World } from "./world.ts";

/** A Chatwoot account is connected with its address and an administrator's token, and nothing else is typed anywhere. */

let world: World;
let desk: ChatwootSimulator;
afterEach(async () => {
  await world.stop();
  desk.assertNoViolations();
});

async function start(options: ChatwootOptions = { empty: true }): Promise<void> {
  world = await startWorld({ chatwoot: options });
  desk = world.chatwoot;
}

interface Step {
  readonly step: string;
  readonly outcome: string;
  readonly message: string;
  readonly fix: string | null;
}

async function connect(admin: Client = world.admin, token: string = desk.apiAccessToken): Promise<string> {
  const config = { baseUrl: desk.url, apiAccessToken: token };
  const made = await admin.post("/v1/connections", { type: "chatwoot", name: "Support", config });
  expect(made.status).toBe(201);
  return made.body.id;
}
const provision = (id: string, order: object = {}, admin: Client = world.admin): Promise<Answer> =>
  admin.post(`/v1/connections/${id}/provision`, order);
const outcomes = ({ body }: Answer): string[] => body.steps.map(({ step, outcome }: Step) => `${step} ${outcome}`);
/** Where the first bot is asked what it says. */
const askAt = async (messageUrl: string | null) => {
  expect((await world.admin.patch(`/v1/bots/${world.first.botId}`, { messageUrl })).status).toBe(200);
};
const shown = async (id: string) => (await world.admin.get(`/v1/connections/${id}`)).body;

/** All that an admin of the account sees of its set-up, ids and secrets included. */
const account = () => ({
  inboxes: desk.inboxes(),
  bots: desk.bots(),
  webhooks: desk.accountWebhooks(),
  apps: desk.dashboardApps(),
  labels: desk.labels(),
  definitions: desk.definitions(),
  conversations: desk.conversations().length,
  contacts: desk.contacts().length,
});

const DONE = [
  "reach found",
  "token found",
  "inbox made",
  "inbox_secret made",
  "labels made",
  "attributes made",
  "dashboard_app made",
  "round_trip found",
];

/** A conversation with a person, from the visitor's wish to the answer. */
async function talk(conversation: string): Promise<void> {
  await askedAndOpened(world, conversation);
  const { id } = desk.conversations().at(-1)!;
  reply(desk, id, `Hello, ${conversation}.`);
  await eventually(async () =>
    (await historyOf(world, conversation)).some(
      ([role, text]) => role === "agent" && text === `Hello, ${conversation}.`,
    ),
  );
}

describe("from an address and a token", () => {
  test("to the first answered conversation", async () => {
    await start();
    const id = await connect();
    expect((await shown(id)).installed).toBeNull();
    const done = await provision(id, { useForBots: true });
    expect([done.status, done.body.ok, outcomes(done)]).toEqual([200, true, DONE]);
    expect(done.body.bots).toEqual([{ id: world.first.botId, name: "My bot" }]);
    expect(done.body.connection).toMatchObject({
      config: { accountId: 1, inboxId: desk.inboxes()[0]?.id },
      secrets: { apiAccessToken: true, webhookSecret: true },
      installed: { inbox: String(desk.inboxes()[0]?.id) },
      problem: null,
    });
    // The proof is gone again.
    expect([desk.conversations(), desk.contacts()]).toEqual([[], []]);
    await talk("c-1");
    await heard(world, "handoff.acknowledged");
    expect(desk.conversations()[0]?.inboxId).toBe(desk.inboxes()[0]?.id);
    desk.resolve(desk.conversations()[0]!.id, desk.agentId);
    await becomes(world, "c-1", { control: "bot" });
    // By webhook: Baton did not have to look.
    expect((await shown(id)).lastWebhookAt).not.toBeNull();
  });

  test("and again, which changes nothing", async () => {
    await start();
    const id = await connect();
    await provision(id, { useForBots: true });
    const [before, kept] = [account(), await shown(id)];
    const again = await provision(id, { useForBots: true });
    expect(outcomes(again)).toEqual(DONE.map((step) => step.replace(/made$/, "found")));
    expect(account()).toEqual(before);
    expect(await shown(id)).toEqual(kept);
  });

  test("what somebody changed in Chatwoot is put right, and conversations go on", async () => {
    await start();
    const id = await connect();
    await provision(id, { useForBots: true });
    const before = account();
    const inbox = before.inboxes[0]!.id;
    await talk("c-1");
    desk.setInboxWebhookUrl(inbox, "https://elsewhere.example/hook");
    desk.resetInboxSecret(inbox);
    desk.changeInboxSettings(inbox, { greeting_enabled: true });
    desk.deleteLabel("lead");
    desk.deleteDashboardApp(before.apps[0]!.id);
    const repaired = await provision(id);
    expect(repaired.body.ok).toBe(true);
    const changed = outcomes(repaired).filter((step) => /made|repaired/.test(step));
    expect(changed.map((step) => step.split(" ")[0])).toEqual(
      expect.arrayContaining(["inbox", "labels", "dashboard_app"]),
    );
    const after = account();
    expect(after.inboxes.map(({ webhookUrl }) => webhookUrl)).toEqual(
      before.inboxes.map(({ webhookUrl }) => webhookUrl),
    );
    for (const list of ["apps", "labels"] as const) expect(after[list]).toHaveLength(before[list].length);
    reply(desk, desk.conversations()[0]!.id, "Still here.");
    await eventually(async () => (await historyOf(world, "c-1")).some(([, text]) => text === "Still here."));
    expect(outcomes(await provision(id)).filter((step) => /made|repaired|failed/.test(step))).toEqual([]);
  });

  test("a bot answers in the inboxes that were named, and in no other, once it can be asked", async () => {
    await start();
    const [shop, blog] = [desk.addWebsiteInbox({ name: "Shop" }), desk.addWebsiteInbox({ name: "Blog" })];
    const id = await connect();
    const botIn = () =>
      desk
        .inboxes()
        .filter(({ botId }) => botId !== null)
        .map((one) => one.id);
    const refused = await provision(id, { botInboxes: [String(shop)] });
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining("has no message URL")]);
    expect(desk.inboxes()).toHaveLength(2);
    await askAt("https://bot.example/turn");
    expect((await provision(id, { botInboxes: [String(shop)] })).body.ok).toBe(true);
    expect(botIn()).toEqual([shop]);
    await provision(id);
    expect(botIn()).toEqual([shop]);
    const check = async () => (await world.admin.post(`/v1/connections/${id}/check`)).body;
    expect(await check()).toMatchObject({ ok: true });
    await askAt(null);
    expect((await check()).findings.at(-1)).toMatchObject({
      step: "bot_answers",
      ok: false,
      fix: expect.stringContaining("messageUrl"),
    });
    await askAt("https://bot.example/turn");
    await provision(id, { botInboxes: [String(blog)] });
    expect(botIn()).toEqual([blog]);
    await provision(id, { botInboxes: [] });
    expect(botIn()).toEqual([]);
  });
});

describe("what cannot be done is told", () => {
  test("a token without rights, and nothing was made", async () => {
    await start();
    const before = account();
    const id = await connect(world.admin, desk.agentAccessToken);
    const refused = await provision(id, { useForBots: true });
    expect([refused.status, refused.body.ok]).toEqual([200, false]);
    const told = refused.body.steps.find(({ outcome }: Step) => outcome === "failed") as Step;
    expect(told.step).toBe("token");
    expect(`${told.message} ${told.fix}`).toMatch(/administrator/i);
    expect((await shown(id)).problem).toContain(told.message);
    expect([account(), refused.body.bots]).toEqual([before, []]);
    const mended = await provision(id, { config: { apiAccessToken: desk.apiAccessToken } });
    expect([mended.body.ok, (await shown(id)).problem]).toEqual([true, null]);
  });

  test("a token that is none keeps the one that works", async () => {
    await start();
    const id = await connect();
    await provision(id, { useForBots: true });
    const refused = await provision(id, { config: { apiAccessToken: "not-a-token" } });
    expect(refused.body.ok).toBe(false);
    expect((await provision(id)).body.ok).toBe(true);
    await talk("c-1");
  });

  test("a Chatwoot that is away; once it is back, the same request finishes it", async () => {
    await start();
    const id = await connect();
    await desk.trouble.down("503");
    const away = await provision(id);
    expect([away.status, away.body.ok, outcomes(away)[0]]).toEqual([200, false, "reach failed"]);
    await desk.trouble.up();
    expect(outcomes(await provision(id))).toEqual(DONE);
  });

  test("webhooks that do not come back, with what is most likely", async () => {
    await start();
    const id = await connect();
    desk.trouble.dropWebhooks(true);
    const deaf = await provision(id);
    expect(outcomes(deaf).at(-1)).toBe("round_trip failed");
    expect(deaf.body.steps.at(-1).fix).not.toBeNull();
    expect([desk.conversations(), desk.contacts()]).toEqual([[], []]);
    desk.trouble.dropWebhooks(false);
    expect((await provision(id)).body.ok).toBe(true);
  }, 60_000);

  test("another workspace's admin finds no such connection", async () => {
    await start();
    const id = await connect();
    const operator = world.baton.tokens.issue({
      scope: "operator",
      workspaceId: null,
      subject: "operator",
      ttlSeconds: 600,
      jti: newId("token"),
    });
    const theirs = world.as((await world.as(operator).post("/v1/workspaces", { name: "Next door" })).body.adminToken);
    const requests = desk.requests().length;
    for (const path of ["provision", "deprovision"]) {
      const told = await theirs.post(`/v1/connections/${id}/${path}`);
      const unknown = await theirs.post(`/v1/connections/con_0000/${path}`);
      expect([told.status, told.body.code]).toEqual([404, "not_found"]);
      expect(unknown.status).toBe(404);
    }
    expect(desk.requests()).toHaveLength(requests);
    expect((await shown(id)).installed).toBeNull();
  });
});

describe("taken away again", () => {
  test("what was there before stays, as it was", async () => {
    await start({});
    desk.addWebsiteInbox({ name: "Shop", botId: desk.botId });
    desk.addLabel("lead");
    desk.addDefinition({ key: "lead_name", model: "contact_attribute", displayName: "Name of a lead" });
    desk.addDashboardApp({ title: "Orders", url: "https://orders.example" });
    desk.addAccountWebhook({ url: "https://elsewhere.example/hook" });
    const before = account();
    const id = await connect();
    await provision(id, { useForBots: true });
    expect(account().inboxes).toHaveLength(before.inboxes.length + 1);
    const gone = await world.admin.post(`/v1/connections/${id}/deprovision`);
    expect([gone.status, gone.body.ok, gone.body.bots]).toEqual([200, true, []]);
    expect(account()).toEqual(before);
    expect(await shown(id)).toMatchObject({ installed: null, problem: expect.stringContaining("taken away") });
    expect((await world.admin.post(`/v1/connections/${id}/deprovision`)).body.ok).toBe(true);
    expect(account()).toEqual(before);
    expect((await provision(id)).body.ok).toBe(true);
    await world.admin.post(`/v1/connections/${id}/deprovision`);
    expect((await world.admin.delete(`/v1/connections/${id}`)).status).toBe(204);
    expect(account()).toEqual(before);
  });

  test("only once nobody talks to a person there, or when that is wanted", async () => {
    await start();
    const id = await connect();
    await provision(id, { useForBots: true });
    await talk("c-1");
    const before = account();
    const refused = await world.admin.post(`/v1/connections/${id}/deprovision`);
    expect([refused.status, refused.body.code, account()]).toEqual([409, "conflict", before]);
    const forced = await world.admin.post(`/v1/connections/${id}/deprovision`, { force: true });
    expect([forced.status, forced.body.ok]).toEqual([200, true]);
    await becomes(world, "c-1", { control: "bot" });
    // The bot names no destination any more, and nobody is in Baton's own inbox.
    const conversations = desk.conversations().length;
    await ask(world, "c-2");
    await becomes(world, "c-2", { mode: "lead" });
    expect(desk.conversations()).toHaveLength(conversations);
  });
});

/** What the program itself is, killed as the system kills: no step knows of it. */
describe("killed between steps", () => {
  const CUTS = ["/inboxes", "/labels", "/custom_attribute_definitions", "/dashboard_apps"];

  test("and run again, there is one of everything, and no secret stands anywhere in the clear", async () => {
    await start();
    const dataDir = mkdtempSync(join(tmpdir(), "baton-provision-"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const begin = () => startProgram({ dataDir, port, env: { BASE_URL: url, LOG_LEVEL: "debug" } });
    let program = await begin();
    let said = "";
    onTestFinished(async () => {
      if (program.isRunning()) await program.end("SIGKILL");
      rmSync(dataDir, { recursive: true, force: true });
    });
    const first = await firstRunOf(dataDir);
    const answers: string[] = [];
    const admin = client(url, first.adminToken);
    const told = async (asked: Promise<Answer>): Promise<Answer> => {
      const answer = await asked;
      answers.push(JSON.stringify(answer.body));
      return answer;
    };
    const config = { baseUrl: desk.url, apiAccessToken: desk.apiAccessToken };
    const { id } = (await told(admin.post("/v1/connections", { type: "chatwoot", config }))).body;

    for (const cut of CUTS) {
      const isCut = (method: string, path: string) => method === "POST" && path.endsWith(cut);
      // Chatwoot does what it was asked, and the answer never comes.
      desk.trouble.timeoutAfterDoingTheWork(1, isCut);
      const lost = provision(id, {}, admin).catch(() => null);
      const before = desk.requests().filter(({ method, path }) => isCut(method, path)).length;
      await eventually(() => desk.requests().filter(({ method, path }) => isCut(method, path)).length > before);
      await program.end("SIGKILL");
      expect(await lost).toBeNull();
      desk.trouble.reset();
      said += program.logged() + program.said();
      program = await begin();
    }

    const done = await told(provision(id, { useForBots: true }, admin));
    expect([done.body.ok, outcomes(done).filter((step) => step.endsWith("failed"))]).toEqual([true, []]);
    const { inboxes, bots, apps, labels, definitions, webhooks } = account();
    expect([inboxes.length, bots.length, apps.length, webhooks.length]).toEqual([1, 0, 1, 0]);
    expect(new Set(labels.map(({ title }) => title)).size).toBe(labels.length);
    expect(new Set(definitions.map(({ key, model }) => `${model} ${key}`)).size).toBe(definitions.length);
    await told(provision(id, {}, admin));
    await told(admin.get("/v1/connections"));
    await told(admin.post(`/v1/connections/${id}/check`));
    await told(admin.post(`/v1/connections/${id}/deprovision`));
    expect([desk.inboxes(), desk.bots(), desk.dashboardApps(), desk.labels(), desk.definitions()]).toEqual([
      [],
      [],
      [],
      [],
      [],
    ]);

    said += program.logged() + program.said();
    const files = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name)).toString("latin1"));
    const canaries = [desk.apiAccessToken, ...inboxes.map(({ secret }) => secret)];
    expect(canaries.filter((canary) => canary.length > 8)).toHaveLength(2);
    expect(said).toContain('"request_served"');
    for (const canary of canaries)
      for (const [place, text] of Object.entries({ answers: answers.join(), said, files: files.join() }))
        expect(text.includes(canary), `${place} hold a secret`).toBe(false);
  }, 120_000);
});

test("two Batons in one account have an inbox each", async () => {
  await start();
  const [one, other] = [await connect(), await connect()];
  expect([(await provision(one)).body.ok, (await provision(other)).body.ok]).toEqual([true, true]);
  expect(new Set(desk.inboxes().map(({ webhookUrl }) => webhookUrl)).size).toBe(2);
  await world.admin.post(`/v1/connections/${one}/deprovision`);
  expect(desk.inboxes()).toHaveLength(1);
  expect((await provision(other)).body.ok).toBe(true);
});

test("an older Chatwoot that signs nothing proves itself by the secret of the address", async () => {
  const older = await startChatwoot({ version: "4.7.0", empty: true });
  onTestFinished(() => older.stop());
  await start();
  desk = older;
  const id = await connect();
  const done = await provision(id, { useForBots: true });
  expect([done.body.ok, outcomes(done).at(-1)]).toEqual([true, "round_trip found"]);
  expect(JSON.stringify(done.body.steps)).not.toContain(older.inboxes()[0]?.webhookUrl?.split("/").at(-1));
  await talk("c-1");
});
