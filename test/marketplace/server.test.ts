import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCoverage } from "./coverage.ts";
import { appFolder, loadApp, TimeLimitError } from "./sandbox.ts";
import type { TemplateRequest, Transport, TransportAnswer } from "./sandbox.ts";

/** What the app does at Freshworks, run where it runs: a sandbox without Node's globals, with the real templates. */
let coverage: Awaited<ReturnType<typeof startCoverage>>;
beforeAll(async () => {
  coverage = await startCoverage();
});
afterAll(() => coverage.stop());

const WORKSPACE_KEY = "wk-canary-7f31";
const FRESHCHAT_TOKEN = "fc-canary-90aa";
const iparams = {
  baton_host: "baton.lampshop.example",
  workspace_key: WORKSPACE_KEY,
  freshchat_url: "lampshop-42.freshchat.com",
  freshchat_token: FRESHCHAT_TOKEN,
  channel: "Website chat",
  group: "Customer care",
  use_for_bots: true,
};

type Answers = readonly (TransportAnswer | "no connection")[];

/** Answers in order, the last one again and again; keeps what was sent. */
function baton(...answers: Answers): { transport: Transport; sent: TemplateRequest[] } {
  const sent: TemplateRequest[] = [];
  const transport: Transport = (request) => {
    sent.push(request);
    const answer = answers[Math.min(sent.length, answers.length) - 1] ?? "no connection";
    return answer === "no connection"
      ? Promise.reject(new Error(`connect ECONNREFUSED, Bearer ${WORKSPACE_KEY}`))
      : Promise.resolve({ tookMs: 5, ...answer });
  };
  return { transport, sent };
}

const json = (status: number, body: unknown): TransportAnswer => ({ status, body: JSON.stringify(body) });
const problem = (status: number, code: string, detail: string) => json(status, { code, title: "No", detail });
const installed = json(201, {
  connection: { id: "con_1", name: "FreshChat" },
  channel: { id: "ch-web", name: "Website chat" },
  group: null,
  findings: [
    { step: "token", ok: true, message: "The token works.", fix: null },
    { step: "webhook", ok: false, message: "No webhook has come yet.", fix: "Write a message." },
  ],
  bots: [],
});
const received = json(202, { received: true });
const page: TransportAnswer = { status: 200, body: "<!doctype html><title>Welcome to nginx</title>" };

const sample = (event: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(appFolder, `server/test_data/${event}.json`), "utf8")) as Record<string, unknown>;
// Judged field by field.
// eslint-disable-next-line typescript/no-explicit-any
const bodyOf = (request: TemplateRequest | undefined): any => JSON.parse(request?.body ?? "null");

async function install(answer: TransportAnswer | "no connection", settings: Record<string, unknown> = iparams) {
  const { transport, sent } = baton(answer);
  const app = loadApp({ iparams: settings, transport });
  await app.invoke("onAppInstall", sample("onAppInstall"));
  return { app, sent };
}

describe("installing", () => {
  test("the account is registered with Baton, secrets in headers only", async () => {
    const { app, sent } = await install(installed);
    expect(sent).toEqual([
      {
        template: "registerInstallation",
        protocol: "https",
        method: "POST",
        host: "baton.lampshop.example",
        path: "/v1/installations/freshworks",
        headers: {
          Authorization: `Bearer ${WORKSPACE_KEY}`,
          "X-Freshchat-Token": FRESHCHAT_TOKEN,
          "Content-Type": "application/json",
        },
        body: JSON.stringify({
          freshchatUrl: "lampshop-42.freshchat.com",
          channel: "Website chat",
          group: "Customer care",
          useForBots: true,
        }),
      },
    ]);
    expect(app.rendered).toEqual([null]);
    expect(app.logs).toEqual(["Baton: installed, 1 point(s) to look at in Baton"]);
  });

  test("an answer of an account known already (200, no findings) installs as well", async () => {
    expect((await install(json(200, { connection: { id: "con_1", name: "FreshChat" } }))).app.rendered).toEqual([null]);
  });

  test.each([
    ["no group", { group: "" }, { group: null }],
    ["a group of blanks", { group: "  " }, { group: null }],
    ["no group at all", { group: undefined }, { group: null }],
    ["blanks around the values", { channel: " Website chat ", freshchat_url: " lampshop-42.freshchat.com\n" }, {}],
    ["the box not ticked", { use_for_bots: false }, { useForBots: false }],
    ["the box never touched", { use_for_bots: undefined }, { useForBots: false }],
    ["a box that gives a word", { use_for_bots: "true" }, { useForBots: true }],
  ])("%s", async (_case, settings, expected) => {
    const { sent } = await install(installed, { ...iparams, ...settings });
    expect(bodyOf(sent[0])).toEqual({
      freshchatUrl: "lampshop-42.freshchat.com",
      channel: "Website chat",
      group: "Customer care",
      useForBots: true,
      ...expected,
    });
  });

  const UNREACHABLE = "Baton is not reachable. Check the Baton host.";
  const WRONG_HOST = "There is no Baton at this host. Check the Baton host.";
  const WRONG_KEY = "Baton refused the workspace key. Make a new one in Baton.";
  const SLOW = "Baton took too long to answer. Please try again.";
  const OTHER = "Baton could not finish the installation. Try again later.";
  const NO_TOPIC = "FreshChat has no topic called Webchat. It has: Website chat, Orders.";
  test.each<[string, TransportAnswer | "no connection", string]>([
    ["nobody listens", "no connection", UNREACHABLE],
    ["a failure without a status", { status: 0, body: "" }, UNREACHABLE],
    ["a proxy without Baton behind it", { status: 502, body: "" }, UNREACHABLE],
    ["a proxy that says so in HTML", { status: 502, body: "<html>Bad gateway</html>" }, UNREACHABLE],
    ["a server that wants something else, in HTML", { status: 400, body: "<html>Bad request</html>" }, WRONG_HOST],
    ["another web server", page, WRONG_HOST],
    ["a web server without that page", { status: 404, body: "<html>Not found</html>" }, WRONG_HOST],
    ["a server that knows other routes", problem(404, "not_found", "No such route"), WRONG_HOST],
    ["an address that moved", { status: 301, body: "" }, WRONG_HOST],
    ["JSON of somebody else", json(200, { hello: "world" }), WRONG_HOST],
    ["JSON that is no object", json(200, null), WRONG_HOST],
    ["a key that is not known", problem(401, "unauthorized", "Send a token"), WRONG_KEY],
    ["a key for something else", problem(403, "forbidden", "Not for you"), WRONG_KEY],
    ["a gateway that gave up", { status: 504, body: "" }, SLOW],
    ["Baton's own sentence", problem(422, "installation_failed", NO_TOPIC), NO_TOPIC],
    [
      "Baton's own sentence for FreshChat being down",
      problem(503, "helpdesk_unavailable", "FreshChat is down"),
      "FreshChat is down",
    ],
    ["a fault without a sentence", json(500, { code: "internal", title: "Internal" }), OTHER],
    ["a fault of something else", { status: 418, body: "teapot" }, OTHER],
  ])("refused: %s", async (_case, answer, sentence) => {
    const { app, sent } = await install(answer);
    expect(app.rendered).toEqual([{ message: sentence }]);
    expect(sent).toHaveLength(1);
    expect(app.logs.join("\n")).not.toMatch(/canary|Webchat/);
  });

  test("our own sentences fit the 60 characters of the installation page", () => {
    expect([UNREACHABLE, WRONG_HOST, WRONG_KEY, SLOW, OTHER].filter((sentence) => sentence.length > 60)).toEqual([]);
  });

  test.each([
    "https://baton.lampshop.example",
    "baton.lampshop.example/",
    "baton.lampshop.example:8443",
    "localhost",
    "",
    undefined,
  ])("a Baton host of %j is refused before anything is sent", async (host) => {
    const { app, sent } = await install(installed, { ...iparams, baton_host: host });
    expect(app.rendered).toEqual([{ message: "Baton host: write the name only, like baton.example.com." }]);
    expect(sent).toEqual([]);
  });

  test("a long sentence of Baton's is cut, not refused", async () => {
    const { app } = await install(problem(422, "installation_failed", "x".repeat(5000)));
    expect(app.rendered[0]?.message).toBe("x".repeat(400));
  });

  test("settings that are not there give a sentence too", async () => {
    const { app } = await install(installed, {});
    expect(app.rendered[0]?.message).toMatch(/^Baton host/);
  });
});

async function uninstall(...answers: Answers) {
  const { transport, sent } = baton(...answers);
  const app = loadApp({ iparams, transport });
  await app.invoke("onAppUninstall", sample("onAppUninstall"));
  expect(app.rendered).toEqual([null]);
  expect(app.logs.join("\n")).not.toContain("canary");
  return { app, sent };
}

describe("uninstalling never depends on Baton", () => {
  const GONE = "Baton: had let go of this account already";
  const NOT_TOLD = /^Baton: not told \(.*\)\. Remove the FreshChat connection in Baton by hand\.$/;

  test("Baton is told, and revokes the key", async () => {
    const { app, sent } = await uninstall(json(200, { removed: true }));
    expect(sent.map(({ path }) => path)).toEqual(["/v1/installations/freshworks/uninstall"]);
    expect(bodyOf(sent[0])).toEqual({ freshchatUrl: "lampshop-42.freshchat.com" });
    expect(app.logs).toEqual(["Baton: uninstalled, the key no longer works"]);
  });

  test.each([401, 404, 410])("%i: it was done already", async (status) => {
    expect((await uninstall(problem(status, "gone", "Gone"))).app.logs).toEqual([GONE]);
  });

  test("a second try finds that the first one had worked", async () => {
    const { app, sent } = await uninstall({ status: 502, body: "" }, problem(401, "unauthorized", "Revoked"));
    expect(sent).toHaveLength(2);
    expect(app.logs).toEqual([GONE]);
  });

  test.each<[string, TransportAnswer | "no connection", number]>([
    ["unreachable", "no connection", 2],
    ["broken", { status: 500, body: "<html>" }, 2],
    ["refusing", problem(422, "validation", "No"), 1],
  ])("Baton is %s: the log says what is left to do", async (_case, answer, tries) => {
    const { app, sent } = await uninstall(answer);
    expect(sent).toHaveLength(tries);
    expect(app.logs).toHaveLength(1);
    expect(app.logs[0]).toMatch(NOT_TOLD);
  });

  test("settings that are not there do not stop it", async () => {
    const { transport } = baton("no connection");
    const app = loadApp({ iparams: { baton_host: "baton.example.com", workspace_key: "wk" }, transport });
    await app.invoke("onAppUninstall", {});
    expect(app.rendered).toEqual([null]);
  });
});

function message(fields: Record<string, unknown>, actorType = "agent"): Record<string, unknown> {
  const payload = structuredClone(sample("onMessageCreate")) as {
    data: { actor: { type: string }; message: { messages: Record<string, unknown>[] } };
  };
  payload.data.actor.type = actorType;
  payload.data.message.messages[0] = { ...payload.data.message.messages[0], ...fields };
  return { ...payload };
}

const lost = (outcome: string) => `Baton: onMessageCreate not forwarded (${outcome}). Baton will look by itself.`;

describe("what agents do reaches Baton, and no more than that", () => {
  async function run(event: string, payload: Record<string, unknown>, ...answers: Answers) {
    const { transport, sent } = baton(...(answers.length === 0 ? [received] : answers));
    const app = loadApp({ iparams, transport });
    await app.invoke(event, payload);
    return { app, sent, body: bodyOf(sent[0]) };
  }
  const envelope = { timestamp: 1_795_167_720_000, version: "1.0.0", region: "EUC", account_id: "330044005500" };
  const conversation = {
    conversation_id: "f1e2d3c4-0001-4a00-8000-00000000c981",
    app_id: "app-lampshop",
    channel_id: "ch-web",
    assigned_agent_id: "5b0c7d1e-agent-irina",
    assigned_group_id: "gr-care",
  };

  test("an agent's message", async () => {
    const { body, sent } = await run("onMessageCreate", sample("onMessageCreate"));
    expect(sent[0]?.path).toBe("/v1/installations/freshworks/events");
    expect(body).toEqual({
      freshchatUrl: "lampshop-42.freshchat.com",
      event: {
        event: "onMessageCreate",
        ...envelope,
        data: {
          actor: { type: "agent", id: "5b0c7d1e-agent-irina" },
          message: {
            ...conversation,
            status: "assigned",
            messages: [
              {
                id: "msg-7001",
                conversation_id: "f1e2d3c4-0001-4a00-8000-00000000c981",
                interaction_id: "300400500-1795167600000",
                actor_type: "agent",
                actor_id: "5b0c7d1e-agent-irina",
                message_type: "normal",
                message_parts: [{ text: { content: "Your lamp left our store this morning." } }],
                created_time: "2026-11-20T09:02:00.000Z",
              },
            ],
          },
        },
      },
    });
  });

  test("a change of a conversation, without the words of its last message and without its properties", async () => {
    const { body } = await run("onConversationUpdate", sample("onConversationUpdate"));
    expect(body.event).toEqual({
      event: "onConversationUpdate",
      ...envelope,
      data: {
        actor: { type: "agent", id: "5b0c7d1e-agent-irina" },
        conversation: { ...conversation, status: "resolved" },
        changes: {
          model_changes: { status: ["assigned", "resolved"], assigned_agent_id: ["5b0c7d1e-agent-irina", null] },
        },
      },
    });
  });

  test("an agent who goes away", async () => {
    const { body } = await run("onAgentActivityCreate", sample("onAgentActivityCreate"));
    expect(body.event.data).toEqual({
      actor: { type: "agent", id: "5b0c7d1e-agent-irina" },
      agent_activity: {
        status: "UNAVAILABLE",
        prev_status: "AVAILABLE",
        availability_event_type: "Intelliassign",
        status_change_timestamp: "2026-11-20T09:30:00.000Z",
      },
    });
  });

  test.each(["onMessageCreate", "onConversationUpdate", "onAgentActivityCreate"])(
    "%s: nobody's name, address, number or picture leaves FreshChat",
    async (event) => {
      const { sent } = await run(event, sample(event));
      expect(sent[0]?.body).not.toMatch(/Ana|Ionescu|Irina|example\.com|\+40700|avatar|reference_id|"user_id"|"plan"/);
    },
  );

  test.each<[string, Record<string, unknown>, string, number]>([
    ["the visitor's own", { actor_type: "user" }, "user", 0],
    ["the visitor's own, by the event's actor alone", { actor_type: undefined }, "user", 0],
    ["a welcome message that the visitor caused", { actor_type: "agent" }, "user", 1],
    ["a private note", { message_type: "private" }, "agent", 1],
    ["a bot's", { actor_type: "bot" }, "bot", 1],
    ["the system's", { actor_type: "system" }, "system", 1],
  ])("%s message", async (_case, fields, actorType, times) => {
    const { sent } = await run("onMessageCreate", message(fields, actorType));
    expect(sent).toHaveLength(times);
  });

  test("a private note says that it is one", async () => {
    const { body } = await run("onMessageCreate", message({ message_type: "private", botsPrivateNote: true }));
    expect(body.event.data.message.messages[0]).toMatchObject({ message_type: "private", botsPrivateNote: true });
  });

  test.each([{}, { data: {} }, { data: { message: {} } }, { data: { message: { messages: [{}] } } }])(
    "a payload like %j breaks nothing",
    async (payload) => {
      for (const event of ["onMessageCreate", "onConversationUpdate", "onAgentActivityCreate"]) {
        const { app } = await run(event, payload);
        expect(app.logs).toEqual([]);
      }
    },
  );

  test.each<[string, Answers, number, string[]]>([
    ["no connection, then it works", ["no connection", received], 2, []],
    ["a fault, then it works", [{ status: 503, body: "" }, received], 2, []],
    ["no connection twice", ["no connection"], 2, [lost("HTTP 502")]],
    ["a failure without a status, twice", [{ status: 0, body: "" }], 2, [lost("no answer")]],
    ["a quick time-out, then it works", [{ status: 408, body: "" }, received], 2, []],
    ["an account that is not installed", [problem(404, "not_found", "No")], 1, [lost("HTTP 404")]],
    ["a revoked key", [problem(401, "unauthorized", "No")], 1, [lost("HTTP 401")]],
    ["too many requests", [{ status: 429, body: "" }], 1, [lost("HTTP 429")]],
    ["a fault that took its time", [{ status: 503, body: "", tookMs: 4001 }, received], 1, [lost("HTTP 503")]],
    ["a fault just soon enough", [{ status: 503, body: "", tookMs: 4000 }, received], 2, []],
    ["no answer for 15 s", [{ status: 202, body: "{}", tookMs: 60_000 }], 1, [lost("HTTP 504")]],
  ])("%s", async (_case, answers, tries, logs) => {
    const { app, sent } = await run("onMessageCreate", sample("onMessageCreate"), ...answers);
    expect(sent).toHaveLength(tries);
    expect(new Set(sent.map(({ body }) => body)).size).toBe(1);
    expect(app.logs).toEqual(logs);
  });

  test("even the slowest second try ends within the 20 s of a run", async () => {
    const answers = [
      { status: 503, body: "", tookMs: 4000 },
      { status: 202, body: "{}", tookMs: 60_000 },
    ];
    const { app } = await run("onMessageCreate", sample("onMessageCreate"), ...answers);
    expect(app.logs).toEqual([lost("HTTP 504")]);
  });

  test("a Baton that hangs while the app is installed runs into the platform's 10 s", async () => {
    const { transport } = baton({ ...installed, tookMs: 10_001 });
    const app = loadApp({ iparams, transport });
    await expect(app.invoke("onAppInstall", sample("onAppInstall"))).rejects.toThrow(TimeLimitError);
    expect(app.rendered).toEqual([]);
  });
});

test("an app must not have afterAppUpdate: it would no longer be updated by itself", async () => {
  const app = loadApp({ iparams, transport: baton(received).transport });
  await expect(app.invoke("afterAppUpdate", {})).rejects.toThrow("manifest.json names no handler for afterAppUpdate");
});

test("these tests run what Freshworks wants to have seen running: 80 % of everything", async () => {
  const { statements, branches, functions, lines } = await coverage.take(join(appFolder, "server/server.js"));
  console.log(
    `server.js: statements ${statements} %, branches ${branches} %, functions ${functions} %, lines ${lines} %`,
  );
  expect(statements).toBeGreaterThanOrEqual(80);
  expect(branches).toBeGreaterThanOrEqual(80);
  expect(functions).toBeGreaterThanOrEqual(80);
  expect(lines).toBeGreaterThanOrEqual(80);
});
