import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../src/cli/program.ts";
import { startChatwoot } from "./simulators/chatwoot/index.ts";
import type { ChatwootSimulator } from "./simulators/chatwoot/index.ts";

const source = (name: string) => fileURLToPath(new URL(`../src/${name}`, import.meta.url));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

type Env = Readonly<Record<string, string>>;

/** The command as a process of its own, with this environment and no other. */
async function baton(args: readonly string[], given: { env: Env; input?: string; keepOpen?: boolean }): Promise<Ran> {
  const { env } = given;
  const child = spawn(process.execPath, [source("cli.ts"), ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
  const { input = "", keepOpen = false } = given;
  let out = "";
  let err = "";
  child.stdout.on("data", (part: Buffer) => (out += part.toString()));
  child.stderr.on("data", (part: Buffer) => (err += part.toString()));
  // What is not read, since the command ended before, breaks no test.
  child.stdin.on("error", () => {});
  if (keepOpen) child.stdin.write(input);
  else child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out, err };
}

async function startServer(env: Env): Promise<{ url: string; stop: () => Promise<void> }> {
  const child: ChildProcess = spawn(process.execPath, [source("main.ts")], { env, stdio: ["ignore", "pipe", "pipe"] });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let told = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on("data", (part: Buffer) => {
      told += part.toString();
      const [, found] = /serves requests on (\S+)/.exec(told) ?? [];
      if (found !== undefined) resolve(found);
    });
    void closed.then(() => reject(new Error(`the server ended: ${told}`)));
  });
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM");
      await closed;
    },
  };
}

const send = (method: string, url: string, token: string, body: unknown) =>
  fetch(url, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

const newDirectory = () => mkdtempSync(join(tmpdir(), "baton-cli-"));
const envFor = (dataDir: string, more: Env = {}): Env => ({
  PORT: "0",
  HOST: "127.0.0.1",
  DATA_DIR: dataDir,
  LOG_LEVEL: "silent",
  ALLOW_PRIVATE_NETWORK: "127.0.0.0/8",
  ...more,
});

const addArgs = (chatwoot: ChatwootSimulator) => [
  "connection",
  "add",
  "chatwoot",
  "--base-url",
  chatwoot.url,
  "--account-id",
  String(chatwoot.accountId),
  "--inbox-id",
  String(chatwoot.inboxId),
  "--token-stdin",
  "--webhook-secret-stdin",
  "--name",
  "Support",
];

let chatwoot: ChatwootSimulator;
beforeAll(async () => {
  chatwoot = await startChatwoot();
});
afterAll(() => chatwoot.stop());

describe("while no server runs", () => {
  let dataDir: string;
  let env: Env;
  beforeEach(() => {
    dataDir = newDirectory();
    env = envFor(dataDir);
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  test("a workspace is made in an empty directory, and the server takes its token afterwards", async () => {
    const made = await baton(["workspace", "create", "Lamps & Co", "--json"], { env });
    expect([made.code, made.err]).toEqual([0, ""]);
    const { workspace, adminToken } = JSON.parse(made.out);
    expect(workspace.name).toBe("Lamps & Co");
    const listed = await baton(["workspace", "list"], { env });
    expect(listed.out.split("\n")[0]).toMatch(/^ID +NAME +CREATEDAT$/);
    expect(listed.out.split("\n")[1]).toContain(`${workspace.id}  Lamps & Co`);

    const server = await startServer(env);
    const current = await fetch(`${server.url}/v1/workspaces/current`, {
      headers: { Authorization: `Bearer ${adminToken}` },
    });
    await server.stop();
    expect(await current.json()).toMatchObject({ id: workspace.id });
  });

  test("members and their tokens are made", async () => {
    await baton(["workspace", "create", "Lamps"], { env });
    const member = await baton(["member", "create", "Robin", "--email", "robin@example.com", "--json"], { env });
    expect(JSON.parse(member.out)).toMatchObject({ name: "Robin", email: "robin@example.com" });
    const link = await baton(["member", "invite", "Robin"], { env });
    expect(link.out).toMatch(/^Sign-in link, shown this once: http:\/\/\S+\/apps\/sign-in#[\w-]{22}\n/);
    expect((await baton(["member", "invite", "Nobody"], { env })).code).toBe(1);
    const token = await baton(["token", "create", "--scope", "agent", "--member", "Robin", "--days", "2", "--json"], {
      env,
    });
    expect(token.code).toBe(0);
    const days = (Date.parse(JSON.parse(token.out).expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(1.9);
    expect(days).toBeLessThanOrEqual(2);
  });

  test("a key for an app in a marketplace lasts ten years unless said otherwise", async () => {
    await baton(["workspace", "create", "Lamps"], { env });
    const daysOf = async (...more: string[]) => {
      const made = await baton(["token", "create", "--scope", "installation", "--json", ...more], { env });
      expect([made.code, made.err]).toEqual([0, ""]);
      const { token, expiresAt } = JSON.parse(made.out);
      const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
      expect(claims).toMatchObject({ scope: "installation", sub: claims.wid });
      return Math.round((Date.parse(expiresAt) - Date.now()) / 86_400_000);
    };
    expect(await daysOf()).toBe(3_650);
    expect(await daysOf("--days", "30")).toBe(30);
    const misused = await baton(["token", "create", "--scope", "installation", "--bot", "x"], { env });
    expect([misused.code, misused.err]).toEqual([1, "baton: --bot belongs to --scope bot.\n"]);
  });

  test("the webhook address leads to the server that will run, not to the port of the command", async () => {
    const own = { ...env, BASE_URL: "https://baton.example" };
    await baton(["workspace", "create", "Lamps"], { env: own });
    const input = `${chatwoot.apiAccessToken}\n${chatwoot.webhookSecret}\n`;
    const made = await baton(addArgs(chatwoot), { env: own, input });
    expect(made.out).toMatch(/Webhook URL for the inbox: https:\/\/baton\.example\/webhooks\/chatwoot\/con_\w+\n/);
    const byDefault = await baton([...addArgs(chatwoot), "--json"], { env: { ...env, PORT: "4321" }, input });
    expect(JSON.parse(byDefault.out).webhookUrl).toMatch(/^http:\/\/localhost:4321\/webhooks\/chatwoot\/con_\w+$/);
  });

  test("a backup is a whole store for its owner alone, and replaces nothing", async () => {
    await baton(["workspace", "create", "Lamps"], { env });
    const file = join(dataDir, "copy.db");
    const kept = await baton(["backup", file], { env });
    expect([kept.code, kept.err]).toEqual([0, ""]);
    expect(kept.out).toContain("1 workspaces, 0 conversations");
    expect(kept.out).toContain(`keep the file ${join(dataDir, "secret")} in another place`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const copy = new Database(file, { readonly: true });
    expect(copy.prepare("select name from workspaces").all()).toEqual([{ name: "Lamps" }]);
    copy.close();
    const again = await baton(["backup", file], { env });
    expect([again.code, again.err]).toEqual([1, `baton: ${file} exists already: name a new file.\n`]);
  });

  test("nothing is left behind that keeps the next one out", async () => {
    await baton(["workspace", "create", "Lamps"], { env });
    await baton(["workspace", "list"], { env });
    expect(readdirSync(dataDir)).not.toContain("baton.pid");
    expect(readdirSync(dataDir).filter((name) => name.startsWith("server"))).toEqual([]);
  });

  test("two commands at once both do their work", async () => {
    await baton(["workspace", "create", "Lamps"], { env });
    const both = await Promise.all(["One", "Two"].map((name) => baton(["member", "create", name], { env })));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const listed = await baton(["member", "list", "--json"], { env });
    expect(
      JSON.parse(listed.out)
        .map((row: { name: string }) => row.name)
        .toSorted(),
    ).toEqual(["One", "Two"]);
  });

  test("of several workspaces one must be named", async () => {
    await baton(["workspace", "create", "One"], { env });
    await baton(["workspace", "create", "Two"], { env });
    const asked = await baton(["bot", "list"], { env });
    expect([asked.code, asked.out]).toEqual([1, ""]);
    expect(asked.err).toMatch(
      /^baton: Which workspace\? Say --workspace <id or name>: ws_\w+ \(One\), ws_\w+ \(Two\)\.\n$/,
    );
    const named = await baton(["bot", "list", "--workspace", "Two", "--json"], { env });
    expect([named.code, named.out]).toEqual([0, "[]\n"]);
    const wrong = await baton(["bot", "list", "--workspace", "Three"], { env });
    expect(wrong.err).toMatch(/^baton: There is no workspace Three\. There is: /);
  });

  test("a directory without data is not taken for an empty one", async () => {
    const nowhere = join(dataDir, "nowhere");
    const listed = await baton(["workspace", "list"], { env: envFor(nowhere) });
    expect([listed.code, listed.out]).toEqual([1, ""]);
    expect(listed.err).toBe(
      `baton: There are no data in ${nowhere}: start the server once (npm start), or set DATA_DIR.\n`,
    );
    expect(existsSync(nowhere)).toBe(false);
  });

  test("data made with a BATON_SECRET are not touched without it", async () => {
    const secret = { BATON_SECRET: "m9Zq4Kx7Lr2Tn8Wc5Vb3Hd6Jf1Gs0PyQeUa" };
    await baton(["workspace", "create", "Lamps"], { env: { ...env, ...secret } });
    const without = await baton(["workspace", "list"], { env });
    expect(without.code).toBe(1);
    expect(without.err).toContain("set the same one for this command");
    expect(existsSync(join(dataDir, "secret"))).toBe(false);
    expect((await baton(["workspace", "list"], { env: { ...env, ...secret } })).code).toBe(0);
  });
});

describe("while the server runs", () => {
  let dataDir: string;
  let env: Env;
  let server: { url: string; stop: () => Promise<void> };
  let botId: string;
  beforeAll(async () => {
    dataDir = newDirectory();
    env = envFor(dataDir);
    server = await startServer(env);
    botId = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8")).botId;
  });
  afterAll(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test("the first bot is listed, and its token works at once", async () => {
    const bots = await baton(["bot", "list", "--json"], { env });
    expect(JSON.parse(bots.out)).toMatchObject([{ id: botId, name: "My bot" }]);
    const made = await baton(["token", "create", "--scope", "bot"], { env });
    const [, token = ""] = /^Token, shown this once: (\S+)$/m.exec(made.out) ?? [];
    const asked = await fetch(`${server.url}/v1/availability`, { headers: { Authorization: `Bearer ${token}` } });
    expect(asked.status).toBe(200);
  });

  test("a bot's addresses are set and taken away", async () => {
    const url = "https://bot.example/turn";
    const set = await baton(["bot", "set", "--message-url", url], { env });
    expect([set.code, set.err]).toEqual([0, ""]);
    expect(set.out).toBe(`Bot ${botId} (My bot)\nMessage URL: ${url}\nCallback URL: none\n`);
    const told = await baton(["bot", "set", "My bot", "--callback-url", `${url}/told`, "--json"], { env });
    expect(JSON.parse(told.out)).toMatchObject({ id: botId, messageUrl: url, callbackUrl: `${url}/told` });
    const listed = await baton(["bot", "list"], { env });
    expect(listed.out).toContain(`${url}/told  ${url}\n`);
    const gone = await baton(["bot", "set", botId, "--no-message-url", "--no-callback-url"], { env });
    expect(gone.out).toBe(`Bot ${botId} (My bot)\nMessage URL: none\nCallback URL: none\n`);
  });

  test.each([
    [["bot", "set"], /^baton: Say what to set: --message-url <url> or --callback-url <url>\.\n$/],
    [
      ["bot", "set", "Nobody", "--no-message-url"],
      /^baton: There is no bot Nobody\. There is: bot_\w+ \(My bot\)\.\n$/,
    ],
    [["bot", "set", "--message-url", ""], /^baton: .*messageUrl/],
    [["bot", "set", "--message-url", "http://169.254.169.254/"], /^baton: .*messageUrl/],
  ])("%j is refused in one line", async (args, words) => {
    const refused = await baton(args, { env });
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(words);
  });

  test("Chatwoot is connected, becomes the bot's first destination, and is checked", async () => {
    const args = [...addArgs(chatwoot), "--use-for", "My bot"];
    const input = `${chatwoot.apiAccessToken}\r\n${chatwoot.webhookSecret}\r\n`;
    const made = await baton(args, { env, input });
    expect([made.code, made.err]).toEqual([0, ""]);
    const [, id = ""] = /^Connection (con_\w+)$/m.exec(made.out) ?? [];
    const [, webhookUrl = ""] = /^Webhook URL for the inbox: (\S+)$/m.exec(made.out) ?? [];
    expect(webhookUrl).toBe(`${server.url}/webhooks/chatwoot/${id}`);
    const bots = await baton(["bot", "list", "--json"], { env });
    expect(JSON.parse(bots.out)[0].settings.destinations.map((one: { id: string }) => one.id)).toEqual([id, "inbox"]);

    const unset = await baton(["connection", "check", id], { env });
    expect(unset.code).toBe(1);
    expect(unset.out).toMatch(/^WRONG /m);
    expect(unset.out).toContain("The connection does not work yet.");
    chatwoot.setWebhookUrl(webhookUrl);
    const checked = await baton(["connection", "check"], { env });
    expect(checked.out).toContain("All is well.");
    expect([checked.code, checked.err]).toEqual([0, ""]);

    const choices = await baton(["connection", "choices", id], { env });
    const [head, ...rows] = choices.out
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect([choices.code, choices.err, head]).toEqual([0, "", ["FIELD", "VALUE", "NAME", "USABLE"]]);
    expect(rows.map(([field, value, , usable]) => [field, value, usable])).toContainEqual([
      "inboxId",
      String(chatwoot.inboxId),
      "yes",
    ]);

    const listed = await baton(["connection", "list", "--json"], { env });
    const told = choices.out + made.out + checked.out + listed.out;
    expect(told).not.toContain(chatwoot.apiAccessToken);
    expect(told).not.toContain(chatwoot.webhookSecret);
  });

  test("a wrong bot leaves no connection behind, and faults are told in one line", async () => {
    const before = await baton(["connection", "list", "--json"], { env });
    const wrong = await baton([...addArgs(chatwoot), "--use-for", "Nobody"], { env, input: "token\nsecret\n" });
    expect([wrong.code, wrong.err]).toEqual([1, `baton: There is no bot Nobody. There is: ${botId} (My bot).\n`]);
    const args = addArgs(chatwoot).map((arg) => (arg === chatwoot.url ? "ftp://files.example" : arg));
    const faulty = await baton(args, { env, input: "token\nsecret\n" });
    expect(faulty.code).toBe(1);
    expect(faulty.err).toMatch(/^baton: config\.baseUrl: must begin with https:\/\/ [^\n]*\n$/);
    const after = await baton(["connection", "list", "--json"], { env });
    expect(after.out).toBe(before.out);
  });

  test("a person at a terminal need not end the input", async () => {
    const args = addArgs(chatwoot).filter((arg) => arg !== "--webhook-secret-stdin");
    const made = await baton(args, { env, input: `${chatwoot.apiAccessToken}\n`, keepOpen: true });
    expect([made.code, made.err]).toEqual([0, ""]);
    // Without a secret to check signatures with, the address itself has to be one.
    expect(made.out).toMatch(/Webhook URL for the inbox: \S+\/webhooks\/chatwoot\/con_\w+\/[\w-]{22}\n/);
  });

  test.each([
    ["nothing", ["--token-stdin"], "", "Standard input is empty"],
    ["one line for two secrets", ["--token-stdin", "--webhook-secret-stdin"], "token\n", "has one line only"],
  ])("standard input with %s is told", async (_what, flags, input, told) => {
    const args = addArgs(chatwoot).filter((arg) => !arg.endsWith("-stdin"));
    const refused = await baton([...args, ...flags], { env, input });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(told);
  });

  test("deliveries are listed, and one that is not there cannot be retried", async () => {
    const listed = await baton(["deliveries", "list", "--state", "dead"], { env });
    expect([listed.code, listed.out]).toEqual([0, "There is none.\n"]);
    const retried = await baton(["deliveries", "retry", "dlv_999"], { env });
    expect([retried.code, retried.out]).toEqual([1, ""]);
    expect(retried.err).toMatch(/^baton: There is nothing here[^\n]*\n$/);
  });

  test("a held mail is listed and can be owed again", async () => {
    const { adminToken, botToken } = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8"));
    const settings = { notify: { email: ["team@example.com"] }, destinations: ["inbox"], presence: "ignore" };
    expect((await send("PATCH", `${server.url}/v1/bots/${botId}/settings`, adminToken, settings)).status).toBe(200);
    expect((await send("POST", `${server.url}/v1/handoffs`, botToken, { conversation: { id: "c-1" } })).status).toBe(
      201,
    );
    const listed = await baton(["deliveries", "list", "--state", "held", "--json"], { env });
    const [held] = JSON.parse(listed.out);
    expect(held).toMatchObject({ kind: "email", state: "held", mail: { to: "team@example.com" } });
    const retried = await baton(["deliveries", "retry", held.id], { env });
    expect([retried.code, retried.out]).toEqual([0, `${held.id} is owed again.\n`]);
  });

  test("a command with another secret is told so", async () => {
    const other = { ...env, BATON_SECRET: "m9Zq4Kx7Lr2Tn8Wc5Vb3Hd6Jf1Gs0PyQeUa" };
    const refused = await baton(["workspace", "list"], { env: other });
    expect([refused.code, refused.err]).toEqual([
      1,
      "baton: The running server has another secret: set the same BATON_SECRET for this command.\n",
    ]);
  });
});

describe("a Chatwoot account", () => {
  let dataDir: string;
  let env: Env;
  let server: Awaited<ReturnType<typeof startServer>>;
  let account: ChatwootSimulator;
  beforeEach(async () => {
    account = await startChatwoot({ empty: true });
    dataDir = newDirectory();
    // Where the server is reached is known once it listens: not to be told to it, nor to the command.
    env = envFor(dataDir);
    server = await startServer(env);
  });
  afterEach(async () => {
    await server.stop();
    await account.stop();
    rmSync(dataDir, { recursive: true, force: true });
    account.assertNoViolations();
  });
  const connect = (more: readonly string[] = [], token = account.apiAccessToken) =>
    baton(["connect", "chatwoot", "--url", `${account.url}/app/accounts/1/dashboard`, "--token-stdin", ...more], {
      env,
      input: `${token}\n`,
    });
  const connections = async () => JSON.parse((await baton(["connection", "list", "--json"], { env })).out);

  test("is set up in one step, again in one step, and taken away in one", async () => {
    account.addWebsiteInbox({ name: "Shop" });
    const done = await connect(["--name", "Support"]);
    expect([done.code, done.err]).toEqual([0, ""]);
    const [made] = await connections();
    const lines = done.out.trimEnd().split("\n");
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/^found +reach +Chatwoot 4\.16\.2 answers at /),
      expect.stringMatching(/^found +token +The token is that of an administrator of account 1/),
      expect.stringMatching(/^made +inbox +Inbox \d+, "Baton", was made\./),
    ]);
    expect(lines.filter((line) => /^found +round_trip +A test conversation was made/.test(line))).toHaveLength(1);
    expect(lines.slice(-4, -2)).toEqual([
      expect.stringContaining("repeat this with --bot-inboxes"),
      expect.stringMatching(/^ +\d+ {2}Shop$/),
    ]);
    expect(lines.slice(-2)).toEqual([`Connection ${made.id} (Support) is ready.`, "Handoffs come from: My bot."]);
    expect(account.inboxes().map(({ name, botId }) => [name, botId !== null])).toEqual([
      ["Shop", false],
      ["Baton", false],
    ]);

    const again = await connect(["--json"]);
    expect([again.code, JSON.parse(again.out).connection.id]).toEqual([0, made.id]);
    expect(await connections()).toHaveLength(1);

    const gone = await baton(["disconnect", "Support"], { env });
    expect([gone.code, gone.err]).toEqual([0, ""]);
    expect(gone.out).toMatch(/^removed +inbox +Inbox \d+, "Baton", was removed/m);
    expect(gone.out.trimEnd().split("\n").at(-1)).toBe("The connection Support is removed.");
    expect([await connections(), account.inboxes().map(({ name, botId }) => [name, botId])]).toEqual([
      [],
      [["Shop", null]],
    ]);
    for (const { out } of [done, again, gone]) expect(out).not.toContain(account.apiAccessToken);
  }, 120_000);

  test("has its own inboxes answered by a bot that can be asked, and by no other", async () => {
    const shop = account.addWebsiteInbox({ name: "Shop" });
    const refused = await connect(["--bot-inboxes", String(shop)]);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("has no message URL")]);
    const botIn = () => account.inboxes().find(({ id }) => id === shop)?.botId ?? null;
    expect(botIn()).toBeNull();
    const { adminToken, botId } = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8"));
    const answering = await fetch(`${server.url}/v1/bots/${botId}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ messageUrl: "https://bot.example/turn" }),
    });
    expect(answering.status).toBe(200);
    const done = await connect(["--bot-inboxes", String(shop)]);
    expect([done.code, done.err]).toEqual([0, ""]);
    expect(done.out).toMatch(/^made +bot_inboxes /m);
    expect(botIn()).not.toBeNull();
    const wrong = await connect(["--bot-inboxes", "999"]);
    expect([wrong.code, wrong.out]).toEqual([
      1,
      expect.stringMatching(/there is no inbox 999.*\n(?:.*\n)* +\d+ {2}Shop\n/),
    ]);
    expect((await connect(["--bot-inboxes", "none"])).code).toBe(0);
    expect(botIn()).toBeNull();
  }, 120_000);

  test("whose token has no rights ends with 1, says why, and a better token goes on with the same connection", async () => {
    const refused = await connect([], account.agentAccessToken);
    expect([refused.code, refused.err]).toEqual([1, ""]);
    expect(refused.out).toMatch(
      /^FAILED +token +The token's user is an agent\..*\n +Give the access token of an administrator/m,
    );
    expect(refused.out.trimEnd().split("\n").at(-1)).toMatch(/is not ready yet: mend what failed, then repeat this\.$/);
    const mended = await connect();
    expect([mended.code, (await connections()).length]).toEqual([0, 1]);
  }, 120_000);

  test("that is gone can be left as it is", async () => {
    await connect();
    const [{ id }] = await connections();
    await account.trouble.down("refused");
    const stuck = await baton(["disconnect", id], { env });
    expect([stuck.code, stuck.err]).toEqual([1, ""]);
    expect(stuck.out).toMatch(/^FAILED/m);
    expect(stuck.out).toContain("--leave-there");
    expect(await connections()).toHaveLength(1);
    const left = await baton(["disconnect", id, "--leave-there"], { env });
    expect([left.code, await connections()]).toEqual([0, []]);
    await account.trouble.up();
  }, 120_000);

  test("is among what the doctor looks at, and what is wrong there is wrong everywhere", async () => {
    await connect();
    const well = await baton(["doctor"], { env });
    expect(well.out).toMatch(/^This server\nok +settings\/base_url +Baton answers at http:\/\/localhost:\d+\.$/m);
    expect(well.out).toMatch(/^note +settings\/mail /m);
    expect(well.out).toMatch(/^ok +store\/integrity /m);
    expect(well.out).toMatch(/^Workspace My business, connection .* \(con_\w+\)$/m);
    expect(well.out).toMatch(/^ok +clock\/skew /m);
    expect([well.code, well.err, well.out.trimEnd().split("\n").at(-1)]).toEqual([0, "", "All is well."]);

    account.expireToken(account.apiAccessToken);
    const ill = await baton(["doctor", "--json"], { env });
    const told = JSON.parse(ill.out);
    expect([ill.code, told.ok]).toEqual([1, false]);
    const wrong = told.findings.find(({ state }: { state: string }) => state === "wrong");
    expect(wrong).toMatchObject({ area: "connection", connection: { id: (await connections())[0].id } });
    const lines = await baton(["doctor", "--workspace", "My business"], { env });
    expect([lines.code, lines.out]).toEqual([1, expect.stringMatching(/^WRONG connection\//m)]);
    expect(lines.out).toMatch(/(?:One thing is|\d+ things are) wrong\.\n$/);
  }, 120_000);
});

test("a Chatwoot account is set up by a running server only: its webhooks have to arrive", async () => {
  const dataDir = newDirectory();
  const env = envFor(dataDir, { BASE_URL: "http://127.0.0.1:9" });
  await baton(["workspace", "create", "Lamps"], { env });
  const args = ["connect", "chatwoot", "--url", chatwoot.url];
  const alone = await baton([...args, "--token", chatwoot.apiAccessToken], { env });
  expect([alone.code, alone.err]).toEqual([1, expect.stringContaining("Start the server first")]);
  for (const wrong of [args, [...args, "--token", "a", "--token-stdin"]])
    expect((await baton(wrong, { env })).err).toContain("either --token <token> or --token-stdin");
  expect((await baton([...args, "--token-stdin"], { env })).err).toContain("Standard input is empty");
  const doctor = await baton(["doctor"], { env });
  expect([doctor.code, doctor.out]).toEqual([1, expect.stringMatching(/^WRONG settings\/base_url +Nothing answers/m)]);
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

test("a server that was killed does not stand in the way", async () => {
  const dataDir = newDirectory();
  const env = envFor(dataDir);
  await baton(["workspace", "create", "Lamps"], { env });
  // As kill -9 leaves them, with a port that nobody listens on.
  writeFileSync(join(dataDir, "server.json"), JSON.stringify({ pid: 999_999_999, port: 9 }));
  writeFileSync(join(dataDir, "baton.pid"), JSON.stringify({ pid: 999_999_999, host: "elsewhere" }));
  const listed = await baton(["workspace", "list", "--json"], { env });
  rmSync(dataDir, { recursive: true, force: true });
  expect([listed.code, listed.err]).toEqual([0, ""]);
  expect(JSON.parse(listed.out)).toMatchObject([{ name: "Lamps" }]);
});

async function inThisProcess(args: readonly string[], env: Env = envFor("/nowhere")): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const surroundings = { env, input: Readable.from([]), out: (text: string) => void out.push(text) };
  const code = await runCommand(args, { ...surroundings, fault: (text) => void err.push(text) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test(
  "members are given roles, let in without a lost app, and removed; one owner stays",
  { timeout: 120_000 },
  async () => {
    const env = envFor(newDirectory());
    const run = (...args: string[]) => inThisProcess(args, env);
    await run("workspace", "create", "Lamps");
    const made = await run("member", "create", "Ana", "--role", "owner", "--email", "ana@example.com", "--json");
    expect(JSON.parse(made.out)).toMatchObject({ name: "Ana", role: "owner" });
    expect((await run("member", "create", "Bo", "--role", "boss")).code).toBe(2);
    await run("member", "create", "Bo");
    expect((await run("member", "role", "Bo", "admin")).out).toBe("Bo is admin now.");
    expect((await run("member", "role", "Bo", "boss")).err).toContain("owner, admin, agent");
    expect((await run("member", "role", "Ana", "agent")).err).toContain("the last owner of the workspace");
    expect((await run("member", "remove", "Ana")).err).toContain("the last owner of the workspace");
    expect((await run("member", "reset-2fa", "Bo")).out).toMatch(/^Bo \(mem_\w+\) signs in without a code now\.$/);
    expect((await run("member", "remove", "Bo")).out).toMatch(/^Removed Bo \(mem_\w+\)\.$/);
    expect((await run("member", "remove", "Bo")).code).toBe(1);
    const listed = await run("member", "list", "--json");
    rmSync(env["DATA_DIR"] ?? "", { recursive: true, force: true });
    expect(JSON.parse(listed.out).map((one: { name: string }) => one.name)).toEqual(["Ana"]);
  },
);

describe("called wrongly, it ends with 2 and says how", () => {
  test.each([
    ["no command", []],
    ["an unknown command", ["explode"]],
    ["an unknown option", ["workspace", "list", "--colour"]],
    ["a missing name", ["workspace", "create"]],
    ["a missing scope", ["token", "create"]],
    ["a scope that may not be given", ["token", "create", "--scope", "visitor"]],
    ["a state that is none", ["deliveries", "list", "--state", "lost"]],
    ["a number that is none", ["deliveries", "list", "--limit", "many"]],
    ["a token among the arguments", ["connection", "add", "chatwoot", "--token", "abc"]],
    ["a connection without an address", ["connect", "chatwoot", "--token", "abc"]],
    ["inboxes that are none", ["connect", "chatwoot", "--url", "http://x", "--token", "a", "--bot-inboxes", "3,shop"]],
    ["nothing to disconnect", ["disconnect"]],
  ])("%s", async (_what, args) => {
    const { code, out, err } = await inThisProcess(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).not.toBe("");
  });

  test("as a process too", async () => {
    const { code, out, err } = await baton(["explode"], { env: envFor("/nowhere") });
    expect([code, out, err]).toEqual([2, "", "error: unknown command 'explode'\nTry --help.\n"]);
  });

  test("help is no fault", async () => {
    const { code, out, err } = await inThisProcess(["connection", "add", "chatwoot", "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("--token-stdin");
  });

  test("a wrong environment is told with every fault", async () => {
    const { code, err } = await inThisProcess(["workspace", "list"], { PORT: "x", BASE_URL: "nowhere" });
    expect(code).toBe(1);
    expect(err).toContain("PORT: ");
    expect(err).toContain("BASE_URL: ");
  });
});
