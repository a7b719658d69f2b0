import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { MEMBER_ROLES } from "../domain/member-role.ts";
import type { Api, Row } from "./api.ts";
import { CliError } from "./cli-error.ts";
import { shown, table, tell } from "./output.ts";
import { pick, pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";
import type { Reached } from "./reach.ts";

const DAY_SECONDS = 86_400;
const WORKSPACE = ["--workspace <id or name>", "which workspace; needed where there are several"] as const;

export function workspaceCommands(baton: Command, deps: CommandDeps): void {
  const workspace = baton.command("workspace").description("businesses: nothing crosses from one to another");
  workspace
    .command("create <name>")
    .description("make a workspace, with a first admin token that is shown this once")
    .action(async (name: string, _options: unknown, command: Command) => {
      const made = await deps.with((reached) => reached.asOperator.post("/v1/workspaces", { name }), {
        mayBegin: true,
      });
      const { id } = made["workspace"] as { id: string };
      tell(deps.output(command), made, [
        `Workspace ${id}`,
        `Admin token, shown this once: ${String(made["adminToken"])}`,
      ]);
    });
  workspace
    .command("list")
    .description("list the workspaces")
    .action(async (_options: unknown, command: Command) => {
      const rows = await deps.with((reached) => reached.asOperator.all("/v1/workspaces"));
      tell(deps.output(command), rows, table(rows, ["id", "name", "createdAt"], "There is no workspace yet."));
    });
}

interface BotOptions {
  readonly workspace?: string;
  /** False: taken away. */
  readonly messageUrl?: string | false;
  readonly callbackUrl?: string | false;
}

export function botCommands(baton: Command, deps: CommandDeps): void {
  const bot = baton.command("bot").description("bots of a workspace");
  bot
    .command("list")
    .description("list the bots")
    .option(...WORKSPACE)
    .action(async (options: { workspace?: string }, command: Command) => {
      const rows = await listOf(deps, "/v1/bots", options.workspace);
      const columns = ["id", "name", "callbackUrl", "messageUrl"] as const;
      tell(deps.output(command), rows, table(rows, columns, "There is no bot yet."));
    });
  bot
    .command("set [bot]")
    .description("say where a bot is reached, by id or name; needed where there are several")
    .option("--message-url <url>", "where Baton asks it what it says, in a helpdesk's own inboxes and in WhatsApp")
    .option("--no-message-url", "it is not asked")
    .option("--callback-url <url>", "where it is told what happens")
    .option("--no-callback-url", "it is not told")
    .option(...WORKSPACE)
    .action(async (wanted: string | undefined, options: BotOptions, command: Command) => {
      const { messageUrl, callbackUrl } = options;
      if (messageUrl === undefined && callbackUrl === undefined)
        throw new CliError("Say what to set: --message-url <url> or --callback-url <url>.");
      const patch = {
        ...(messageUrl === undefined ? {} : { messageUrl: messageUrl === false ? null : messageUrl }),
        ...(callbackUrl === undefined ? {} : { callbackUrl: callbackUrl === false ? null : callbackUrl }),
      };
      const { id, now } = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        const found = pickBot(await admin.all("/v1/bots"), wanted, "the id or name");
        return { id: found.id, now: await admin.patch(`/v1/bots/${found.id}`, patch) };
      });
      tell(deps.output(command), now, [
        `Bot ${id} (${shown(now["name"])})`,
        `Message URL: ${now["messageUrl"] === null ? "none" : shown(now["messageUrl"])}`,
        `Callback URL: ${now["callbackUrl"] === null ? "none" : shown(now["callbackUrl"])}`,
      ]);
    });
}

const pickBot = (bots: readonly Row[], wanted: string | undefined, option: string) =>
  pick(bots, wanted, { what: "bot", option, none: "The workspace has no bot yet: make one with POST /v1/bots." });

interface MemberOptions {
  readonly email?: string;
  readonly role?: string;
  readonly workspace?: string;
}

const NO_MEMBER = "The workspace has no member yet: add one with `member create <name>`.";

export function memberCommands(baton: Command, deps: CommandDeps): void {
  const member = baton.command("member").description("people who answer in the built-in inbox, and who look after it");

  /** Does `work` about the member of this name or id. */
  const about = <Result>(
    wanted: string,
    options: { workspace?: string },
    work: (admin: Api, of: { readonly id: string; readonly name: string }) => Promise<Result>,
  ) =>
    deps.with(async (reached) => {
      const { admin } = await pickWorkspace(reached, options.workspace);
      const all = await admin.all("/v1/members");
      return work(admin, pick(all, wanted, { what: "member", option: "the name or id", none: NO_MEMBER }));
    });

  member
    .command("create <name>")
    .description("add a person")
    .option("--email <address>", "the person's email address")
    .addOption(new Option("--role <role>", "what they may do").choices(MEMBER_ROLES).default("agent"))
    .option(...WORKSPACE)
    .action(async (name: string, { email, role, workspace }: MemberOptions, command: Command) => {
      const body = { name, role, ...(email === undefined ? {} : { email }) };
      const made = await deps.with(async (reached) =>
        (await pickWorkspace(reached, workspace)).admin.post("/v1/members", body),
      );
      tell(deps.output(command), made, [`Member ${String(made["id"])}`]);
    });
  member
    .command("invite <member>")
    .description("make a link by which a person (name or id) signs in: once, within 15 minutes")
    .option(...WORKSPACE)
    .action(async (wanted: string, options: { workspace?: string }, command: Command) => {
      const made = await about(wanted, options, (admin, { id }) => admin.post(`/v1/members/${id}/sign-in-links`));
      tell(deps.output(command), made, [
        `Sign-in link, shown this once: ${String(made["url"])}`,
        `For this person alone. It works once, until ${String(made["expiresAt"])}.`,
      ]);
    });
  member
    .command("list")
    .description("list the people")
    .option(...WORKSPACE)
    .action(async (options: { workspace?: string }, command: Command) => {
      const rows = await listOf(deps, "/v1/members", options.workspace);
      tell(
        deps.output(command),
        rows,
        table(rows, ["id", "name", "email", "role", "online"], "There is no member yet."),
      );
    });
  member
    .command("role <member>")
    .argument("<role>", `one of ${MEMBER_ROLES.join(", ")}`)
    .description("say what a person may do: it counts at once")
    .option(...WORKSPACE)
    .action(async (wanted: string, role: string, options: { workspace?: string }, command: Command) => {
      if (!MEMBER_ROLES.some((one) => one === role))
        throw new CliError(`There is no role ${shown(role)}: say one of ${MEMBER_ROLES.join(", ")}.`);
      const now = await about(wanted, options, (admin, { id }) => admin.patch(`/v1/members/${id}`, { role }));
      tell(deps.output(command), now, [`${shown(now["name"])} is ${shown(now["role"])} now.`]);
    });
  member
    .command("remove <member>")
    .description("remove a person: they are signed out, and their conversations go back to the queue")
    .option(...WORKSPACE)
    .action(async (wanted: string, options: { workspace?: string }, command: Command) => {
      const gone = await about(wanted, options, async (admin, { id, name }) => {
        await admin.delete(`/v1/members/${id}`);
        return { id, name };
      });
      tell(deps.output(command), gone, [`Removed ${gone.name} (${gone.id}).`]);
    });
  member
    .command("reset-2fa <member>")
    .description("let a person who has lost their authenticator app sign in without it")
    .option(...WORKSPACE)
    .action(async (wanted: string, options: { workspace?: string }, command: Command) => {
      const reset = await about(wanted, options, async (admin, { id, name }) => {
        await admin.delete(`/v1/members/${id}/totp`);
        return { id, name };
      });
      tell(deps.output(command), reset, [`${reset.name} (${reset.id}) signs in without a code now.`]);
    });
}

interface TokenOptions {
  readonly scope: (typeof SCOPES)[number];
  readonly workspace?: string;
  readonly bot?: string;
  readonly member?: string;
  readonly name?: string;
  readonly days?: number;
}

const SCOPES = ["operator", "admin", "installation", "bot", "agent"] as const;
const DAYS = 365;
const MOST_DAYS = 3_650;

export function tokenCommands(baton: Command, deps: CommandDeps): void {
  baton
    .command("token")
    .description("tokens for the API")
    .command("create")
    .description("make a token, which is shown this once")
    .addOption(new Option("--scope <scope>", "what it allows").choices(SCOPES).makeOptionMandatory())
    .option(...WORKSPACE)
    .option("--bot <id or name>", "scope bot: which bot; needed where there are several")
    .option("--member <id or name>", "scope agent: which member; needed where there are several")
    .option("--name <text>", "for you, to tell tokens apart")
    .option(
      "--days <number>",
      `valid for so many days (default: ${DAYS}; scope installation: ${MOST_DAYS}, since an installed app cannot renew it)`,
      wholeNumber(1, MOST_DAYS),
    )
    .action(async (options: TokenOptions, command: Command) => {
      const made = await deps.with((reached) => createToken(reached, options));
      tell(deps.output(command), made, [
        `Token, shown this once: ${String(made["token"])}`,
        `Valid until ${String(made["expiresAt"])}; revoke it as ${String(made["id"])}`,
      ]);
    });
}

async function createToken(reached: Reached, options: TokenOptions) {
  const { scope, name } = options;
  const days = options.days ?? (scope === "installation" ? MOST_DAYS : DAYS);
  if (scope !== "bot" && options.bot !== undefined) throw new CliError("--bot belongs to --scope bot.");
  if (scope !== "agent" && options.member !== undefined) throw new CliError("--member belongs to --scope agent.");
  const order = { expiresInSeconds: days * DAY_SECONDS, ...(name === undefined ? {} : { name }) };
  if (scope === "operator") return reached.asOperator.post("/v1/operator/tokens", order);
  const { id: workspaceId, admin } = await pickWorkspace(reached, options.workspace);
  if (scope === "admin") return reached.asOperator.post(`/v1/workspaces/${workspaceId}/tokens`, order);
  if (scope === "installation") return admin.post("/v1/installations/keys", order);
  if (scope === "bot") {
    const { id } = pickBot(await admin.all("/v1/bots"), options.bot, "--bot <id or name>");
    return admin.post(`/v1/bots/${id}/tokens`, order);
  }
  const { id } = pick(await admin.all("/v1/members"), options.member, {
    what: "member",
    option: "--member <id or name>",
    none: NO_MEMBER,
  });
  return admin.post(`/v1/members/${id}/tokens`, order);
}

const listOf = (deps: CommandDeps, path: string, workspace: string | undefined) =>
  deps.with(async (reached) => (await pickWorkspace(reached, workspace)).admin.all(path));

/** A parser for commander: its error is a usage error. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}
