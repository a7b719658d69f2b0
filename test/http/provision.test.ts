import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { InstallDeps, ProvisionLedger, ProvisionReport, ProvisionStep, ProvisionWish } from "../../src/ports.ts";
import { conversation, handoff } from "../contracts/store-samples.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
let admin: string;
let workspaceId: string;

/** What the install of the fake helpdesk is handed and does. */
type Act = (given: {
  config: Record<string, unknown>;
  deps: InstallDeps;
  wish: ProvisionWish;
  ledger: ProvisionLedger;
}) => Promise<ProvisionReport>;

const WELL: ProvisionReport = { ok: true, steps: [], about: { version: "4.2" } };
const step = (name: string, outcome: ProvisionStep["outcome"], fix: string | null = null): ProvisionStep => ({
  step: name,
  outcome,
  message: `The ${name}.`,
  fix,
});
const CONFIG = { baseUrl: "https://desk.example", apiAccessToken: "canary-token" };

const setUp = (act: Act) => {
  world.helpdesk.install = {
    provision: (config, deps, wish, ledger) => act({ config: config as Record<string, unknown>, deps, wish, ledger }),
    remove: (config, deps, ledger) => act({ config: config as Record<string, unknown>, deps, wish: {}, ledger }),
  };
};
const asAdmin = (method: string, path: string, body?: unknown) => world.call(method, path, { token: admin, body });
const connect = async (config: object = CONFIG): Promise<string> => {
  const made = await asAdmin("POST", "/v1/connections", { type: "fakedesk", config });
  expect(made.status).toBe(201);
  return made.body.id;
};
const provision = (id: string, body: unknown = {}) => asAdmin("POST", `/v1/connections/${id}/provision`, body);
const deprovision = (id: string, body: unknown = {}) => asAdmin("POST", `/v1/connections/${id}/deprovision`, body);
const shown = async (id: string) => (await asAdmin("GET", `/v1/connections/${id}`)).body;
const versionOf = async (id: string) => (await world.store.read.connection(workspaceId, id))?.version;

/** Something that ends when the test says so. */
function gate() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  return { opened, open };
}

const HERE = { baseUrl: "https://desk.example" };
const heardBy = async (id: string, act: (deps: InstallDeps) => Promise<boolean>) => {
  const told: boolean[] = [];
  setUp(async ({ deps }) => {
    told.push(await act(deps));
    return WELL;
  });
  await provision(id);
  return told;
};

const stand = async (botId: string, id: string, more: object = {}) => {
  const destination = { id, team: null, priority: null, labels: [] };
  await world.store.write(async (tx) => {
    const names = { botId, openHandoffId: "hnd_1", control: "human" } as const;
    await tx.createConversation(conversation(workspaceId, "cnv_1", names));
    await tx.createHandoff(handoff(workspaceId, "cnv_1", "hnd_1", { botId, destination, opened: true, ...more }));
  });
};

const reports = (): Promise<ProvisionReport> => Promise.resolve({ ...WELL, steps: [step("inbox", "removed")] });

const again = (config: object, reuse = true) =>
  asAdmin("POST", "/v1/connections", { type: "fakedesk", config: { apiAccessToken: "t", ...config }, reuse });

async function begin(options: Parameters<typeof startWorld>[0] = {}) {
  world = await startWorld(options);
  ({ admin, id: workspaceId } = await world.workspace("Lamps"));
}
beforeEach(() => begin());
afterEach(() => world.close());

describe("setting up", () => {
  test("hands the connector its configuration, the wish, and where its webhooks go", async () => {
    const id = await connect();
    const seen: unknown[] = [];
    setUp(({ config, deps, wish, ledger }) => {
      const { connectionId, baseUrl, webhookUrl } = deps;
      seen.push({
        config,
        wish,
        made: ledger.made,
        connectionId,
        baseUrl,
        webhookUrl,
        hasSecret: deps.pathSecret.length > 20,
      });
      return Promise.resolve(WELL);
    });
    await asAdmin("POST", `/v1/connections/${id}/provision`);
    const always = {
      config: CONFIG,
      made: {},
      connectionId: id,
      baseUrl: world.url,
      webhookUrl: `${world.url}/webhooks/fakedesk/${id}`,
      hasSecret: true,
    };
    expect(seen).toEqual([{ ...always, wish: {} }]);
  });

  test("puts a bot into the helpdesk's own inboxes only where it can be asked what to say", async () => {
    const id = await connect();
    const wishes: ProvisionWish[] = [];
    setUp(({ wish }) => {
      wishes.push(wish);
      return Promise.resolve(WELL);
    });
    const refused = async (words: string, order: object = { botInboxes: ["3"] }) => {
      const { status, body } = await provision(id, order);
      expect([status, body.detail]).toEqual([409, expect.stringContaining(words)]);
    };
    await refused("The workspace has no bot");
    const first = (await asAdmin("POST", "/v1/bots", { name: "Shop bot" })).body;
    await refused(`PATCH /v1/bots/${first.id} with messageUrl`);
    const second = (await asAdmin("POST", "/v1/bots", { name: "Night bot" })).body;
    const answering = { messageUrl: "https://bot.example/turn" };
    await world.store.write((tx) => tx.updateBot(workspaceId, second.id, answering));
    await refused("Shop bot");
    await refused("no bot bot_elsewhere", { botInboxes: ["3"], config: { botId: "bot_elsewhere" } });
    expect(wishes).toEqual([]);

    const named = { config: { botId: second.id }, botInboxes: ["3", " 5 "] };
    expect((await provision(id, named)).status).toBe(200);
    await world.store.write((tx) => tx.updateBot(workspaceId, first.id, answering));
    expect((await provision(id, { botInboxes: ["3"] })).status).toBe(200);
    // Taking it out needs no bot.
    await world.store.write((tx) => tx.updateBot(workspaceId, first.id, { messageUrl: null }));
    await provision(id, { botInboxes: [] });
    await provision(id);
    expect(wishes.map(({ botInboxes }) => botInboxes)).toEqual([["3", "5"], ["3"], [], undefined]);
  });

  test("keeps each step before the next begins, its secrets sealed, and tells all of it but the secrets", async () => {
    const id = await connect();
    const between: unknown[] = [];
    setUp(async ({ ledger }) => {
      await ledger.keep({ config: { accountId: 7 } });
      between.push([await versionOf(id), world.changed.length, (await shown(id)).installed]);
      await ledger.keep({ made: { inbox: "3", hook: "9" }, config: { inboxId: 3, webhookSecret: "canary-hook" } });
      between.push([await versionOf(id), world.changed.length, (await shown(id)).installed, ledger.made]);
      await ledger.keep({ made: { hook: null } });
      return { ...WELL, steps: [step("inbox", "made"), step("labels", "skipped", "Make them.")] };
    });
    const done = await provision(id);
    const both = { inbox: "3", hook: "9" };
    expect(between).toEqual([
      [2, 1, null],
      [3, 2, both, both],
    ]);
    expect(done.body).toEqual({
      ok: true,
      steps: [
        { step: "inbox", outcome: "made", message: "The inbox.", fix: null },
        { step: "labels", outcome: "skipped", message: "The labels.", fix: "Make them." },
      ],
      about: { version: "4.2" },
      connection: expect.objectContaining({
        config: { baseUrl: "https://desk.example", accountId: 7, inboxId: 3 },
        secrets: { apiAccessToken: true, webhookSecret: true },
        installed: { inbox: "3" },
        problem: null,
      }),
      bots: [],
    });
    const file = readFileSync(world.file).toString("latin1") + readFileSync(`${world.file}-wal`).toString("latin1");
    for (const place of [file, done.text, JSON.stringify(world.logged), (await asAdmin("GET", "/v1/connections")).text])
      expect(place).not.toMatch(/canary-(?:token|hook)/);
  });

  test("that finds everything as it was stores nothing, and makes no new connector", async () => {
    const id = await connect();
    setUp(async ({ ledger }) => {
      await ledger.keep({ made: { inbox: "3" }, config: { inboxId: 3, webhookSecret: "s" } });
      return WELL;
    });
    await provision(id);
    const before = [await versionOf(id), await shown(id)];
    await provision(id);
    expect([await versionOf(id), await shown(id)]).toEqual(before);
    expect(before[0]).toBe(2);
  });

  test("that fails keeps why as the connection's problem, and one that ends well takes it away", async () => {
    const id = await connect();
    const steps = [step("reach", "found"), step("token", "failed", "Use an administrator's."), step("inbox", "failed")];
    setUp(() => Promise.resolve({ ok: false, steps, about: {} }));
    const bad = await provision(id);
    expect([bad.status, bad.body.ok, bad.body.steps.length]).toEqual([200, false, 3]);
    const { problem, problemSince } = await shown(id);
    expect(problem).toBe("The token. Use an administrator's.\nThe inbox.");
    expect(bad.body.connection).toMatchObject({ problem, problemSince });
    expect(world.mended).toEqual([]);
    await provision(id);
    expect((await shown(id)).problemSince).toBe(problemSince);
    setUp(() => Promise.resolve(WELL));
    await provision(id);
    expect(await shown(id)).toMatchObject({ problem: null, problemSince: null });
    expect(world.mended).toEqual([id]);
  });

  test("that stumbles over the helpdesk says so; over itself, it is our fault and no word of it is told", async () => {
    const id = await connect();
    setUp(() => Promise.reject(new DeliveryError("transient", "Desk did not answer.")));
    expect((await provision(id)).body).toMatchObject({
      ok: false,
      steps: [{ outcome: "failed", message: "Desk did not answer." }],
    });
    setUp(() => Promise.reject(new TypeError("canary-token")));
    const ours = await provision(id);
    expect([ours.status, ours.body.code]).toEqual([500, "internal"]);
    expect(ours.text).not.toContain("canary");
    setUp(() => Promise.resolve(WELL));
    expect((await provision(id)).body.ok).toBe(true);
  });

  test("a new token is tried first, and kept only where it proves right", async () => {
    const id = await connect({ ...CONFIG, accountId: 1 });
    const tokens: unknown[] = [];
    let ends = { ok: false, steps: [step("token", "failed")] };
    setUp(({ config }) => {
      tokens.push(config["apiAccessToken"]);
      return Promise.resolve({ ...ends, about: {} });
    });
    await provision(id, { config: { apiAccessToken: "of-another-account" } });
    await provision(id);
    ends = { ok: false, steps: [step("token", "found"), step("round_trip", "failed")] };
    await provision(id, { config: { apiAccessToken: "right" } });
    ends = { ok: true, steps: [] };
    await provision(id, { config: { apiAccessToken: "renewed" } });
    await provision(id);
    expect(tokens).toEqual(["of-another-account", "canary-token", "right", "renewed", "renewed"]);
    const wrong = await provision(id, { config: { accountId: "x" } });
    expect([wrong.status, wrong.body.faults[0].path]).toEqual([422, "config.accountId"]);
    expect(tokens).toHaveLength(5);
  });

  test("another address never gets the stored token", async () => {
    const id = await connect();
    const moved = await provision(id, { config: { baseUrl: "https://elsewhere.example" } });
    expect([moved.status, moved.body.faults[0].path]).toEqual([422, "config.apiAccessToken"]);
  });

  test("bots that name no destination send handoffs there, once all is well", async () => {
    const id = await connect();
    const undecided = (await asAdmin("POST", "/v1/bots", { name: "Undecided" })).body;
    const settings = { destinations: [{ id: "inbox" }] };
    await asAdmin("POST", "/v1/bots", { name: "Decided", settings });
    setUp(() => Promise.resolve({ ok: false, steps: [step("token", "failed")], about: {} }));
    expect((await provision(id, { useForBots: true })).body.bots).toEqual([]);
    setUp(() => Promise.resolve(WELL));
    expect((await provision(id)).body.bots).toEqual([]);
    expect((await provision(id, { useForBots: true })).body.bots).toEqual([{ id: undecided.id, name: "Undecided" }]);
  });
});

describe("several at once", () => {
  test("on one connection, the second is refused, and neither is cut short", async () => {
    const id = await connect();
    const [other, held] = [await connect(), gate()];
    setUp(async ({ deps }) => {
      if (deps.connectionId === id) await held.opened;
      return WELL;
    });
    const first = provision(id);
    await expect.poll(async () => (await provision(id)).status).toBe(409);
    const refused = await deprovision(id);
    expect([refused.status, refused.body.code]).toEqual([409, "conflict"]);
    expect(refused.body.detail).toContain("wait until that has ended");
    expect((await provision(other)).status).toBe(200);
    held.open();
    expect((await first).body.ok).toBe(true);
    expect((await provision(id)).status).toBe(200);
  });

  test.each([true, false])("what somebody else changed meanwhile is not written over, if it says ok %s", async (ok) => {
    const id = await connect();
    setUp(async ({ ledger }) => {
      await ledger.keep({ made: { inbox: "3" } });
      await asAdmin("PATCH", `/v1/connections/${id}`, { config: { accountId: 9 } });
      await ledger.keep({ made: { bot: "4" }, config: { accountId: 5 } }).catch(() => {});
      return { ...WELL, ok };
    });
    const overtaken = await provision(id);
    expect([overtaken.status, overtaken.body.code]).toEqual([409, "conflict"]);
    expect(overtaken.body.detail).toContain("changed by somebody else");
    expect(await shown(id)).toMatchObject({ installed: { inbox: "3" }, config: { accountId: 9 } });
  });

  test("a connection is not removed meanwhile: what is being made would belong to nobody", async () => {
    const id = await connect();
    const removals: number[] = [];
    setUp(async () => {
      removals.push((await asAdmin("DELETE", `/v1/connections/${id}`)).status);
      return WELL;
    });
    expect((await provision(id)).body.ok).toBe(true);
    removals.push((await asAdmin("DELETE", `/v1/connections/${id}`)).status);
    expect(removals).toEqual([409, 204]);
  });

  test("one that another process removes meanwhile stays removed", async () => {
    const id = await connect();
    setUp(async ({ ledger }) => {
      await world.store.write((tx) => tx.deleteConnection(workspaceId, id));
      await ledger.keep({ made: { inbox: "3" } });
      return WELL;
    });
    expect((await provision(id)).status).toBe(409);
    expect((await asAdmin("GET", "/v1/connections")).body.items).toEqual([]);
  });
});

describe("when the time is up", () => {
  beforeEach(async () => {
    await world.close();
    await begin({ provisionWithinMs: 50 });
  });

  test("the steps that had ended are told; nothing more goes out, and what was reached is still kept", async () => {
    const id = await connect();
    const held = gate();
    const late: unknown[] = [];
    setUp(async ({ deps, ledger }) => {
      deps.told(step("reach", "found"));
      await held.opened;
      await ledger.keep({ made: { inbox: "3" } });
      const ask = { method: "GET", url: "https://desk.example" } as const;
      late.push(await deps.outgoing.request(ask).catch((error: { kind: string }) => error.kind));
      return WELL;
    });
    const cut = await provision(id);
    expect([cut.status, cut.body.ok]).toEqual([200, false]);
    expect(cut.body.steps.map(({ step, outcome }: ProvisionStep) => [step, outcome])).toEqual([
      ["reach", "found"],
      ["time", "failed"],
    ]);
    expect((await shown(id)).problem).toContain("took too long");
    expect((await provision(id)).status).toBe(409);
    held.open();
    await expect.poll(async () => (await shown(id)).installed).toEqual({ inbox: "3" });
    await expect.poll(() => late).toEqual(["timeout"]);
    setUp(() => Promise.resolve(WELL));
    await expect.poll(async () => (await provision(id)).status).toBe(200);
  });
});

describe("the round trip", () => {
  test("is heard whether the webhook comes before or after it is waited for", async () => {
    const id = await connect();
    expect(
      await heardBy(id, (deps) => {
        world.marks.heard(id, 'a webhook {"text":"baton-proof-1"}');
        return deps.heard("baton-proof-1", 10);
      }),
    ).toEqual([true]);
    expect(
      await heardBy(id, (deps) => {
        const heard = deps.heard("baton-proof-2", 5_000);
        world.marks.heard(id, "of something else");
        world.marks.heard(id, 'a webhook {"text":"baton-proof-2"}');
        return heard;
      }),
    ).toEqual([true]);
  });

  test("is not heard by another connection, from an earlier run, or too late", async () => {
    const id = await connect();
    world.marks.heard(id, "baton-proof-1");
    expect(
      await heardBy(id, (deps) => {
        world.marks.heard("con_other", "baton-proof-1");
        return deps.heard("baton-proof-1", 10);
      }),
    ).toEqual([false]);
  });
});

describe("taking away", () => {
  test("is done by the record, leaves the connection, and says that it serves nobody", async () => {
    const id = await connect();
    setUp(async ({ ledger }) => {
      await ledger.keep({ made: { inbox: "3" }, config: { inboxId: 3, webhookSecret: "s" } });
      return WELL;
    });
    await provision(id);
    setUp(async ({ ledger }) => {
      expect(ledger.made).toEqual({ inbox: "3" });
      await ledger.keep({ made: { inbox: null }, config: { inboxId: null, webhookSecret: null } });
      return await reports();
    });
    const gone = await deprovision(id);
    expect(gone.body).toMatchObject({ ok: true, steps: [{ step: "inbox", outcome: "removed" }] });
    expect(await shown(id)).toMatchObject({
      installed: null,
      config: { baseUrl: "https://desk.example" },
      secrets: { apiAccessToken: true, webhookSecret: false },
      problem: expect.stringContaining("set it up again"),
    });
    expect((await asAdmin("DELETE", `/v1/connections/${id}`)).status).toBe(204);
  });

  test("is refused while somebody is with a person there, and nothing was asked of the helpdesk", async () => {
    const id = await connect();
    const bot = (await asAdmin("POST", "/v1/bots", { name: "b" })).body;
    await asAdmin("PATCH", `/v1/bots/${bot.id}/settings`, { destinations: [{ id }, { id: "inbox" }] });
    await stand(bot.id, id);
    let asked = 0;
    setUp(() => {
      asked += 1;
      return reports();
    });
    const refused = await deprovision(id, {});
    expect([refused.status, refused.body.code, asked]).toEqual([409, "conflict", 0]);
    expect(refused.body.detail).toMatch(/^A conversation with a person is open there\..*"force": true/);
    expect((await asAdmin("GET", `/v1/bots/${bot.id}/settings`)).body.settings.destinations[0].id).toBe(id);
    const forced = await deprovision(id, { force: true });
    expect([forced.status, forced.body.ok, forced.body.bots, asked]).toEqual([200, true, [], 1]);
    expect((await world.store.read.handoff(workspaceId, "hnd_1"))?.destination?.id).not.toBe(id);
    expect((await world.store.read.openHandoffsAt(workspaceId, id, { limit: 10 })).items).toEqual([]);
  });

  test("is not held up by leads, which stand in Baton as well", async () => {
    const id = await connect();
    const bot = (await asAdmin("POST", "/v1/bots", { name: "b" })).body;
    await stand(bot.id, id, { mode: "lead" });
    setUp(reports);
    expect((await deprovision(id)).status).toBe(200);
    expect((await world.store.read.openHandoffsAt(workspaceId, id, { limit: 10 })).items).toEqual([]);
  });
});

describe("connecting the same place twice", () => {
  test("gives the connection that is there, unchanged; a new one only where something contradicts", async () => {
    const id = await connect({ ...CONFIG, accountId: 1 });
    const before = await shown(id);
    for (const config of [HERE, { baseUrl: "https://desk.example/" }, { ...HERE, accountId: 1 }]) {
      const same = await again(config);
      expect([same.status, same.body]).toEqual([200, before]);
    }
    const other = await again({ ...HERE, accountId: 2 });
    expect([other.status, other.body.id === id]).toEqual([201, false]);
    expect((await again({ baseUrl: "https://other.example" })).status).toBe(201);
    const unsure = await again(HERE);
    expect([unsure.status, unsure.body.code]).toEqual([409, "conflict"]);
    expect(unsure.body.detail).toContain(`(${id})`);
    expect((await again(HERE, false)).status).toBe(201);
  });

  test("at once makes one", async () => {
    const made = await Promise.all([1, 2, 3].map(() => again(HERE)));
    expect(made.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 200, 201]);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
  });

  test("never one of another kind at the same address", async () => {
    const config = { baseUrl: "https://lamps.freshchat.com", apiToken: "t" };
    await asAdmin("POST", "/v1/connections", { type: "freshchat", config });
    expect((await again({ baseUrl: "https://lamps.freshchat.com" })).status).toBe(201);
  });

  test("never that of another workspace", async () => {
    const { admin: theirs } = await world.workspace("Next door");
    const body = { type: "fakedesk", config: { ...CONFIG }, reuse: true };
    await world.call("POST", "/v1/connections", { token: theirs, body });
    expect((await again(HERE)).status).toBe(201);
  });
});

test("a helpdesk without such an API is set up by hand, and says so", async () => {
  world.freshchat.report = WELL as never;
  const config = { baseUrl: "lamps.freshchat.com", apiToken: "t" };
  const made = await asAdmin("POST", "/v1/connections", { type: "freshchat", config });
  for (const refused of [await provision(made.body.id), await deprovision(made.body.id)]) {
    expect([refused.status, refused.body.code]).toEqual([409, "conflict"]);
    expect(refused.body.detail).toContain("by hand");
  }
});

test("credentials that cannot be opened any more are told, and can be given anew", async () => {
  const id = await connect();
  await world.store.write((tx) => tx.updateConnection(workspaceId, id, { sealedSecrets: "v1.sealed.elsewhere" }));
  const told = await provision(id);
  expect([told.status, told.body.detail]).toEqual([409, expect.stringContaining("Enter them anew")]);
  setUp(({ config }) => Promise.resolve({ ...WELL, ok: config["apiAccessToken"] === "new" }));
  expect((await provision(id, { config: { apiAccessToken: "new" } })).body).toMatchObject({
    ok: true,
    connection: { secrets: { apiAccessToken: true }, problem: null },
  });
});
