import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { CheckReport, Finding } from "../../src/ports.ts";
import { inboxFindings } from "./check-inbox.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import { fine, wrong } from "../findings.ts";
import { Inbox, Member, Profile, wrapped } from "./shapes.ts";

const TIMEOUT_MS = 8_000;

/** API inboxes sign their webhooks since this release (sheet 10). */
const SIGNS_SINCE = [4, 13] as const;

/** What is wrong with the connection, step by step; where one fails, those that need it are left out. Never throws. */
export async function checkConnection(desk: Desk): Promise<CheckReport> {
  const findings: Finding[] = [];
  const about: Record<string, string> = {};
  const version = await step(findings, "reach", () => reach(desk));
  if (version !== null) {
    about["version"] = version.text;
    const isAdministrator = await step(findings, "token", () => readToken(desk));
    if (isAdministrator !== null) {
      const inbox = await step(findings, "inbox", () => readInbox(desk));
      if (inbox !== null) {
        about["inbox"] = inbox.name ?? "";
        findings.push(...inboxFindings(desk, inbox, { signs: version.signs, isAdministrator }));
        await step(findings, "members", () => readMembers(desk));
      }
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
    const message =
      error instanceof DeliveryError ? error.message : "Something went wrong in Baton while checking this.";
    findings.push(wrong(name, message, fixFor(error)));
    return null;
  }
}

function fixFor(error: unknown): string {
  if (error instanceof Refusal && error.status === 404)
    return "Check the account and the inbox in the connection's settings.";
  if (error instanceof Refusal && error.kind === "credentials")
    return "Follow what the message says, then check again.";
  return "Check the address, and that Chatwoot is running and can be reached from this server.";
}

/** `/api` needs no token, so what fails here has nothing to do with one. */
async function reach({ client, config }: Desk): Promise<Step<{ text: string; signs: boolean }>> {
  const answer = z.looseObject({ version: z.string() });
  const call = { method: "GET", path: "/api", doing: "tell its version", answer, timeoutMs: TIMEOUT_MS } as const;
  const { version: text } = await client.callRoot(call);
  const signs = isAtLeast(text, SIGNS_SINCE);
  const hint = signs
    ? ""
    : " It does not sign webhooks yet (4.13 does), so the secret at the end of the webhook address is the only proof.";
  return { finding: fine("reach", `Chatwoot ${text} answers at ${config.baseUrl}.${hint}`), value: { text, signs } };
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
  const account = profile.accounts?.find(({ id }) => id === config.accountId);
  if (!account) {
    const theirs = (profile.accounts ?? []).map(({ id }) => id).join(", ") || "none";
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
  const role = isAdministrator ? "an administrator" : "an agent, who does not see all settings that are checked below";
  return { finding: fine("token", `The token works; its user is ${role}.`), value: isAdministrator };
}

async function readInbox({ client, config }: Desk): Promise<Step<Inbox>> {
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

async function readMembers({ client, config }: Desk): Promise<Step<true>> {
  const path = `/inbox_members/${config.inboxId}`;
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

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [given = 0, givenMinor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return given > major || (given === major && givenMinor >= minor);
}
