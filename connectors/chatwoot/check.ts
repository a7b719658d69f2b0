import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { CheckReport, Finding, Seen } from "../../src/ports.ts";
import { botFindings } from "./check-bot.ts";
import type { Call } from "./client.ts";
import { clockFindings } from "./check-clock.ts";
import { heardFindings } from "./check-heard.ts";
import { inboxFindings } from "./check-inbox.ts";
import type { Desk } from "./desk.ts";
import { fixFor } from "./fix-for.ts";
import { fine, wrong } from "../findings.ts";
import { readVersion } from "./read-version.ts";
import { Inbox, Member, Profile, wrapped } from "./shapes.ts";
import type { Version } from "./version.ts";

const TIMEOUT_MS = 8_000;

const RUN_INSTALL = "Run the install: it finds or makes what is missing.";

/**
 * What is wrong with the connection, set up by hand or by the install, step by step; where one fails, those that need it are left
 * out. Never throws.
 */
export async function checkConnection(desk: Desk, seen: Seen): Promise<CheckReport> {
  const findings: Finding[] = [];
  const about: Record<string, string> = {};
  const version = await step(findings, "reach", () => reach(desk, findings));
  if (version !== null) {
    about["version"] = version.text;
    const isAdministrator = await step(findings, "token", () => readToken(desk));
    if (isAdministrator !== null) {
      const inbox = await step(findings, "inbox", () => readInbox(desk));
      if (inbox !== null) {
        about["inbox"] = inbox.name ?? "";
        findings.push(...inboxFindings(desk, inbox, { version, isAdministrator, seen }));
        await step(findings, "members", () => readMembers(desk, inbox));
        await several(findings, "heard", () => heardFindings(desk, inbox, { version, seen }));
      }
      await several(findings, "agent_bot", () => botFindings(desk, { version, isAdministrator }));
    }
  }
  return { ok: findings.every((finding) => finding.ok), findings, about };
}

type Step<T> = { readonly finding: Finding; readonly value: T | null };

async function step<T>(findings: Finding[], name: string, act: () => Promise<Step<T>>): Promise<T | null> {
  try {
    const { finding, value } = await act();
    findings.push(finding);
    return value;
  } catch (error) {
    findings.push(failed(name, error));
    return null;
  }
}

async function several(findings: Finding[], name: string, act: () => Promise<readonly Finding[]>): Promise<void> {
  try {
    findings.push(...(await act()));
  } catch (error) {
    findings.push(failed(name, error));
  }
}

function failed(name: string, error: unknown): Finding {
  const message = error instanceof DeliveryError ? error.message : "Something went wrong in Baton while checking this.";
  return wrong(name, message, fixFor(error));
}

/** The `Date` header of the answer tells Chatwoot's clock. */
async function reach({ client, config, clock }: Desk, findings: Finding[]): Promise<Step<Version>> {
  const asked = clock();
  let date: string | undefined;
  const seen: Call<unknown>["seen"] = ({ headers }) => (date = headers["date"]);
  const version = await readVersion(client, { timeoutMs: TIMEOUT_MS, seen });
  findings.push(...clockFindings(date, { asked, answered: clock() }));
  const hint = version.signsInboxes
    ? ""
    : " It does not sign webhooks yet (4.13 does), so the secret at the end of the webhook address is the only proof.";
  return { finding: fine("reach", `Chatwoot ${version.text} answers at ${config.baseUrl}.${hint}`), value: version };
}

async function readToken({ client, config }: Desk): Promise<Step<boolean>> {
  const path = "/api/v1/profile";
  const call = {
    method: "GET",
    path,
    doing: "show whose token this is",
    answer: Profile,
    timeoutMs: TIMEOUT_MS,
  } as const;
  const profile = await client.callRoot(call);
  const theirs = (profile.accounts ?? []).map(({ id }) => id).join(", ") || "none";
  if (config.accountId === null) {
    const message = `The connection names no account yet; the token's user is in: ${theirs}.`;
    return { finding: wrong("token", message, RUN_INSTALL), value: null };
  }
  const account = profile.accounts?.find(({ id }) => id === config.accountId);
  if (!account) {
    const message = `The token's user is not in account ${config.accountId}, but in: ${theirs}.`;
    return {
      finding: wrong("token", message, "Set the right account, or take the token of one of its users."),
      value: null,
    };
  }
  if (account.api_and_webhooks === false) {
    const message = "The plan of the account does not include the API.";
    return { finding: wrong("token", message, "Choose a Chatwoot plan with API and webhooks."), value: null };
  }
  const isAdministrator = account.role === "administrator";
  if (!isAdministrator && config.agentBotId !== null) {
    const message =
      "The token's user is no administrator any more, so the install can neither repair nor remove what it made, nor read secrets.";
    const fix = "Make that user an administrator under Settings, Agents, or give the token of one.";
    return { finding: wrong("token", message, fix), value: false };
  }
  const role = isAdministrator ? "an administrator" : "an agent, who does not see all settings that are checked below";
  return { finding: fine("token", `The token works; its user is ${role}.`), value: isAdministrator };
}

async function readInbox({ client, config }: Desk): Promise<Step<Inbox>> {
  if (config.inboxId === null) {
    const message = "The connection has no API inbox yet, so handoffs cannot go there.";
    return { finding: wrong("inbox", message, `${RUN_INSTALL} Or set the number of an API inbox.`), value: null };
  }
  const call = {
    method: "GET",
    path: `/inboxes/${config.inboxId}`,
    doing: `show inbox ${config.inboxId}`,
    answer: Inbox,
    timeoutMs: TIMEOUT_MS,
  } as const;
  const inbox = await client.call(call);
  if (inbox.channel_type !== "Channel::Api") {
    const message = `Inbox ${inbox.id} is not of the kind "API", so Baton cannot bring visitors into it.`;
    const fix = "In Chatwoot under Settings, Inboxes, add an inbox of the kind API, and set its number here.";
    return { finding: wrong("inbox", message, fix), value: null };
  }
  return { finding: fine("inbox", `Inbox ${inbox.id} is an API inbox.`), value: inbox };
}

async function readMembers({ client }: Desk, { id }: Inbox): Promise<Step<true>> {
  const path = `/inbox_members/${id}`;
  const answer = wrapped(z.array(Member));
  const call = { method: "GET", path, doing: "list the members", answer, timeoutMs: TIMEOUT_MS } as const;
  const members = await client.tryCall(call, [401, 403]);
  if (!members) {
    const message = "The token may not see who is in the inbox, so nobody can be told to be online.";
    return {
      finding: wrong("members", message, "Use the token of an administrator, or of a member of the inbox."),
      value: true,
    };
  }
  const count = members.payload.length;
  const finding =
    count === 0
      ? wrong(
          "members",
          "The inbox has no agents, so nobody sees its conversations but administrators.",
          "Add agents to the inbox.",
        )
      : fine("members", `The inbox has ${count === 1 ? "1 agent" : `${count} agents`}.`);
  return { finding, value: true };
}
