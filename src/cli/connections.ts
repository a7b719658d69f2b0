import type { Command } from "commander";
import { z } from "zod";
import type { Api, Row } from "./api.ts";
import { CliError } from "./cli-error.ts";
import { readLines } from "./input.ts";
import { shown, table, tell } from "./output.ts";
import { pick, pickWorkspace } from "./pick.ts";
import type { CommandDeps } from "./program.ts";
import { wholeNumber } from "./tenants.ts";

interface AddOptions {
  readonly baseUrl: string;
  readonly accountId: number;
  readonly inboxId: number;
  readonly webhookSecretStdin?: boolean;
  readonly name?: string;
  readonly useFor?: string;
  readonly workspace?: string;
}

const LARGEST_ID = 999_999_999;

const Settings = z.looseObject({
  settings: z.looseObject({ destinations: z.array(z.looseObject({ id: z.string() })) }),
});

const Choices = z.looseObject({
  choices: z.record(z.string(), z.array(z.looseObject({ value: z.string(), label: z.string(), usable: z.boolean() }))),
});

const Report = z.looseObject({
  ok: z.boolean(),
  findings: z.array(
    z.looseObject({ ok: z.boolean(), step: z.string(), message: z.string(), fix: z.string().nullable() }),
  ),
});

export function connectionCommands(baton: Command, deps: CommandDeps): void {
  const connection = baton.command("connection").description("helpdesks that handoffs go to");
  const workspace = ["--workspace <id or name>", "which workspace; needed where there are several"] as const;

  connection
    .command("add")
    .description("connect a helpdesk")
    .command("chatwoot")
    .description("connect an API inbox of Chatwoot")
    .requiredOption("--base-url <url>", "where your Chatwoot is")
    .requiredOption("--account-id <number>", "the number after /accounts/ in its addresses", wholeNumber(1, LARGEST_ID))
    .requiredOption("--inbox-id <number>", "the number of the API inbox", wholeNumber(1, LARGEST_ID))
    .requiredOption("--token-stdin", "read the access token from standard input: its first line")
    .option("--webhook-secret-stdin", "read the inbox's webhook secret too: the second line")
    .option("--name <text>", "what you call it")
    .option("--use-for <bot>", "make it the first destination of this bot, by id or name")
    .option(...workspace)
    .action(async (options: AddOptions, command: Command) => {
      const [token = "", secret = ""] = await readLines(deps.input, options.webhookSecretStdin === true ? 2 : 1);
      if (token === "") throw new CliError("Standard input is empty: pipe the access token into the command.");
      if (options.webhookSecretStdin === true && secret === "")
        throw new CliError("Standard input has one line only: the webhook secret goes on the second.");
      const made = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        return addChatwoot(admin, options, { token, secret: options.webhookSecretStdin === true ? secret : null });
      });
      tell(deps.output(command), made, [
        `Connection ${shown(made["id"])}`,
        `Webhook URL for the inbox: ${shown(made[options.webhookSecretStdin === true ? "webhookUrl" : "webhookUrlUnsigned"])}`,
        `Then look whether all is well: connection check ${shown(made["id"])}`,
      ]);
    });

  connection
    .command("list")
    .description("list the connections; secrets are never shown")
    .option(...workspace)
    .action(async (options: { workspace?: string }, command: Command) => {
      const rows = await deps.with(async (reached) =>
        (await pickWorkspace(reached, options.workspace)).admin.all("/v1/connections"),
      );
      const columns = ["id", "type", "name", "lastWebhookAt", "problem"];
      tell(deps.output(command), rows, table(rows, columns, "There is no connection yet."));
    });

  connection
    .command("check")
    .argument("[id]", "id or name; needed where there are several")
    .description("ask the helpdesk itself whether all is well; exits with 1 when it is not")
    .option(...workspace)
    .action(async (given: string | undefined, options: { workspace?: string }, command: Command) => {
      const told = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        const { id } = pick(await admin.all("/v1/connections"), given, ONE);
        return admin.post(`/v1/connections/${id}/check`);
      });
      const report = Report.parse(told);
      tell(deps.output(command), told, [
        ...report.findings.map(({ ok, step, message, fix }) =>
          [
            `${ok ? "ok   " : "WRONG"} ${step.padEnd(12)} ${shown(message)}`,
            ...(ok || fix === null ? [] : [shown(fix)]),
          ].join(" "),
        ),
        report.ok ? "All is well." : "The connection does not work yet.",
      ]);
      if (!report.ok) deps.failed();
    });

  connection
    .command("choices")
    .argument("[id]", "id or name; needed where there are several")
    .description("list what its fields can be set to: channels, groups, inboxes, as the helpdesk has them")
    .option(...workspace)
    .action(async (given: string | undefined, options: { workspace?: string }, command: Command) => {
      const told = await deps.with(async (reached) => {
        const { admin } = await pickWorkspace(reached, options.workspace);
        const { id } = pick(await admin.all("/v1/connections"), given, ONE);
        return admin.get(`/v1/connections/${id}/choices`);
      });
      const columns = ["field", "value", "name", "usable"];
      tell(deps.output(command), told, table(choiceRows(told), columns, "There is nothing to choose from."));
    });
}

const ONE = {
  what: "connection",
  option: "its id or name",
  none: "There is no connection yet: add one with `connection add chatwoot`.",
} as const;

/** A line for each value of each field, with what people call it. */
function choiceRows(told: Row): Row[] {
  const { choices } = Choices.parse(told);
  return Object.entries(choices).flatMap(([field, values]) =>
    values.map(({ value, label, usable }) => ({ field, value, name: label, usable: usable ? "yes" : "no" })),
  );
}

async function addChatwoot(
  admin: Api,
  options: AddOptions,
  { token, secret }: { token: string; secret: string | null },
): Promise<Row> {
  // Found before anything is made, so that a wrong name leaves no connection behind.
  const bot =
    options.useFor === undefined
      ? null
      : pick(await admin.all("/v1/bots"), options.useFor, {
          what: "bot",
          option: "--use-for <bot>",
          none: "The workspace has no bot yet: make one with POST /v1/bots.",
        });
  const made = await admin.post("/v1/connections", {
    type: "chatwoot",
    ...(options.name === undefined ? {} : { name: options.name }),
    config: {
      baseUrl: options.baseUrl,
      accountId: options.accountId,
      inboxId: options.inboxId,
      apiAccessToken: token,
      ...(secret === null ? {} : { webhookSecret: secret }),
    },
  });
  if (bot !== null) {
    const path = `/v1/bots/${bot.id}/settings`;
    const { settings } = Settings.parse(await admin.get(path));
    await admin.patch(path, { destinations: [{ id: made["id"] }, ...settings.destinations] });
  }
  return made;
}
