import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { z } from "zod";
import type { Api, Row } from "./api.ts";
import { CliError } from "./cli-error.ts";
import { readLines } from "./input.ts";
import { shown, tell } from "./output.ts";
import { pick, pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";
import { wholeNumber } from "./tenants.ts";

/** `connect` and `disconnect`: a helpdesk is set up, or put back as it was, in one step. */

interface ConnectOptions {
  readonly url: string;
  readonly token?: string;
  readonly tokenStdin?: boolean;
  readonly account?: number;
  readonly botInboxes?: readonly string[];
  readonly name?: string;
  readonly workspace?: string;
}

interface DisconnectOptions {
  readonly force?: boolean;
  readonly leaveThere?: boolean;
  readonly workspace?: string;
}

const LARGEST_ID = 999_999_999;
/** The server ends after a minute, and says how far it got. */
const INSTALL_TIMEOUT_MS = 90_000;

const Report = z.looseObject({
  ok: z.boolean(),
  steps: z.array(
    z.looseObject({ step: z.string(), outcome: z.string(), message: z.string(), fix: z.string().nullable() }),
  ),
  bots: z.array(z.looseObject({ id: z.string(), name: z.string() })),
});
type Report = z.infer<typeof Report>;

const Types = z.looseObject({ items: z.array(z.looseObject({ type: z.string(), canProvision: z.boolean() })) });

export function connectCommands(baton: Command, deps: CommandDeps): void {
  const workspace = ["--workspace <id or name>", "which workspace; needed where there are several"] as const;

  baton
    .command("connect")
    .description("connect a helpdesk and set it up; repeat it to put right what was changed")
    .command("chatwoot")
    .description("make the inbox, webhooks, labels, a bot and the rest in an account of Chatwoot")
    .requiredOption("--url <url>", "where your Chatwoot is; the address of any of its pages will do")
    .option(
      "--token <token>",
      "access token of an administrator; other users of this machine can see it: see --token-stdin",
    )
    .option("--token-stdin", "read the access token from standard input instead")
    .option("--account <number>", "the account, where the token is good for several", wholeNumber(1, LARGEST_ID))
    .option(
      "--bot-inboxes <numbers>",
      "Chatwoot's own inboxes in which your bot answers first, such as 3,5; none: in no inbox. Without it they are listed",
      inboxes,
    )
    .option("--name <text>", "what you call it")
    .option(...workspace)
    .action(async (options: ConnectOptions, command: Command) => {
      const token = await tokenOf(options, deps);
      const done = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        // Its webhooks would find nobody, and the proof that they arrive would fail.
        if (!reached.isServer)
          throw new CliError("Start the server first (npm start): Chatwoot has to reach it while it is set up.");
        const told = await connectChatwoot(admin, options, token);
        return { ...told, inboxes: await inboxesToChoose(admin, options, told) };
      });
      const report = Report.parse(done);
      tell(deps.output(command), done, [...stepLines(report), ...inboxLines(done.inboxes), ...endOf(report, done)]);
      if (!report.ok) deps.failed();
    });

  baton
    .command("disconnect")
    .argument("<id>", "id or name of the connection")
    .description("take away what was set up in the helpdesk, then remove the connection")
    .option("--force", "also while conversations are open there: they go elsewhere, become leads or end")
    .option("--leave-there", "touch nothing in the helpdesk, for one that is gone or refuses the token")
    .option(...workspace)
    .action(async (given: string, options: DisconnectOptions, command: Command) => {
      const done = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        return disconnect(admin, given, options);
      });
      tell(deps.output(command), done.told, [
        ...(done.report === null ? [] : stepLines(done.report)),
        done.isRemoved
          ? `The connection ${shown(given)} is removed.`
          : `The connection ${shown(given)} stays: mend what failed and repeat this, or leave it there with --leave-there.`,
      ]);
      if (!done.isRemoved) deps.failed();
    });
}

/** Numbers with commas between; `none` for an empty list. */
function inboxes(text: string): string[] {
  if (text.trim() === "none") return [];
  const numbers = text.split(",").map((part) => part.trim());
  if (numbers.every((number) => /^[1-9]\d{0,8}$/.test(number))) return numbers;
  throw new InvalidArgumentError("It must be numbers of inboxes such as 3,5, or none.");
}

async function tokenOf({ token, tokenStdin }: ConnectOptions, deps: CommandDeps): Promise<string> {
  if ((token === undefined) === (tokenStdin !== true))
    throw new CliError("Say either --token <token> or --token-stdin.");
  if (token !== undefined) return token;
  const [line = ""] = await readLines(deps.input, 1);
  if (line === "") throw new CliError("Standard input is empty: pipe the access token into the command.");
  return line;
}

async function connectChatwoot(admin: Api, options: ConnectOptions, token: string): Promise<Row> {
  const { url, account, name, botInboxes } = options;
  const asked = { ...(account === undefined ? {} : { accountId: account }), apiAccessToken: token };
  const connection = await admin.post("/v1/connections", {
    type: "chatwoot",
    reuse: true,
    ...(name === undefined ? {} : { name }),
    config: { baseUrl: url, ...asked },
  });
  const path = `/v1/connections/${shown(connection["id"])}`;
  if (name !== undefined && connection["name"] !== name) await admin.patch(path, { name });
  const order = { config: asked, useForBots: true, ...(botInboxes === undefined ? {} : { botInboxes }) };
  return await admin.post(`${path}/provision`, order, INSTALL_TIMEOUT_MS);
}

const Inboxes = z.array(z.looseObject({ value: z.string(), label: z.string(), usable: z.boolean() }));
type Inboxes = z.infer<typeof Inboxes>;

/** Chatwoot's own inboxes, where none was asked for or not all could be had; null where that is no question. */
async function inboxesToChoose(admin: Api, { botInboxes }: ConnectOptions, done: Row): Promise<Inboxes | null> {
  const { steps } = Report.parse(done);
  const isRefused = steps.some(({ step, outcome }) => step === "bot_inboxes" && outcome === "failed");
  if (botInboxes !== undefined && !isRefused) return null;
  const { id } = Connected.parse(done).connection;
  try {
    const { choices } = await admin.get(`/v1/connections/${id}/choices`, INSTALL_TIMEOUT_MS);
    return z.looseObject({ botInboxIds: Inboxes }).parse(choices).botInboxIds;
  } catch {
    // What was to be done is done, and its report says what went wrong there.
    return null;
  }
}

function inboxLines(found: Inboxes | null): string[] {
  if (found === null || found.length === 0) return [];
  return [
    "Your bot can answer first in Chatwoot's own inboxes: repeat this with --bot-inboxes and their numbers.",
    ...found.map(
      ({ value, label, usable }) => `${value.padStart(8)}  ${shown(label)}${usable ? "" : ", cannot serve"}`,
    ),
  ];
}

async function disconnect(
  admin: Api,
  given: string,
  { force = false, leaveThere = false }: DisconnectOptions,
): Promise<{ readonly told: Row; readonly report: Report | null; readonly isRemoved: boolean }> {
  const rows = await admin.all("/v1/connections");
  const { id } = pick(rows, given, { what: "connection", option: "its id", none: "There is no connection." });
  const type = rows.find((row) => row["id"] === id)?.["type"];
  const { items } = Types.parse(await admin.get("/v1/connection-types"));
  const isSetUp = items.some((one) => one.type === type && one.canProvision);
  let told: Row = {};
  let report: Report | null = null;
  if (isSetUp && !leaveThere) {
    told = await admin.post(`/v1/connections/${id}/deprovision`, { force }, INSTALL_TIMEOUT_MS);
    report = Report.parse(told);
    if (!report.ok) return { told: { ...told, removed: false }, report, isRemoved: false };
  }
  await admin.delete(`/v1/connections/${id}?removeFromBots=true`);
  return { told: { ...told, removed: true }, report, isRemoved: true };
}

/** As the server tells them, with what to do on a line of its own. */
function stepLines({ steps }: Report): string[] {
  return steps.flatMap(({ step, outcome, message, fix }) => [
    `${(outcome === "failed" ? "FAILED" : outcome).padEnd(8)} ${step.padEnd(15)} ${shown(message)}`,
    ...(fix === null ? [] : [`${" ".repeat(24)} ${shown(fix)}`]),
  ]);
}

const Connected = z.looseObject({ connection: z.looseObject({ id: z.string(), name: z.string() }) });

function endOf({ ok, bots }: Report, done: Row): string[] {
  const { id, name } = Connected.parse(done).connection;
  const named = `Connection ${shown(id)} (${shown(name)})`;
  if (!ok) return [`${named} is not ready yet: mend what failed, then repeat this.`];
  const who = bots.map((bot) => shown(bot.name)).join(", ");
  return [
    `${named} is ready.`,
    who === ""
      ? "No bot sends handoffs there: name it in a bot's settings (destinations)."
      : `Handoffs come from: ${who}.`,
  ];
}
