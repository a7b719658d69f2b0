import { readVersion } from "../read-version.ts";
import { lostWith } from "../version.ts";
import type { Version } from "../version.ts";
import { Profile } from "../shapes.ts";
import type { Site } from "./site.ts";
import { StepFailure } from "./step-run.ts";
import type { Done } from "./step-run.ts";

/** Whose token it is, and where it works. */
export interface Account {
  readonly id: number;
  readonly name: string;
  readonly userId: number;
}

export async function reach(site: Site): Promise<Done<Version>> {
  const version = await readVersion(site.client());
  const message = [`Chatwoot ${version.text} answers at ${site.config().baseUrl}.`, lostWith(version)].join(" ").trim();
  return { outcome: "found", message, value: version };
}

/** The account and the role behind the token; the account is kept where none was set. */
export async function readAccount(site: Site): Promise<Done<Account>> {
  const profile = await site.client().callRoot({
    method: "GET",
    path: "/api/v1/profile",
    doing: "show whose token this is",
    answer: Profile,
  });
  const accounts = profile.accounts ?? [];
  const wanted = site.config().accountId;
  const account = wanted === null && accounts.length === 1 ? accounts[0] : accounts.find(({ id }) => id === wanted);
  if (!account) throw noAccount(wanted, accounts);
  if (account.status && account.status !== "active") {
    throw new StepFailure(
      `Account ${account.id} is ${account.status} in Chatwoot.`,
      "Have it made active, or set another account.",
    );
  }
  if (account.api_and_webhooks === false) {
    throw new StepFailure(
      "The plan of the account does not include the API.",
      "Choose a Chatwoot plan with API and webhooks.",
    );
  }
  if (account.role !== "administrator") {
    throw new StepFailure(
      "The token's user is an agent. Only an administrator may make inboxes, bots, webhooks, labels and attributes.",
      "Give the access token of an administrator (Profile settings, Access token), or have that user made one under Settings, Agents.",
    );
  }
  const name = account.name || `Account ${account.id}`;
  if (wanted === null) await site.keep({ config: { accountId: account.id } });
  return {
    outcome: "found",
    message: `The token is that of an administrator of account ${account.id}, ${name}.`,
    value: { id: account.id, name, userId: profile.id },
  };
}

function noAccount(wanted: number | null, accounts: NonNullable<Profile["accounts"]>): StepFailure {
  const theirs = accounts.map(({ id, name }) => (name ? `${id} (${name})` : String(id))).join(", ") || "none";
  if (wanted === null && accounts.length > 0) {
    return new StepFailure(
      `The token's user is in several accounts: ${theirs}.`,
      "Set the account that Baton is to work in.",
    );
  }
  const where = wanted === null ? "any account" : `account ${wanted}`;
  return new StepFailure(
    `The token's user is not in ${where}, but in: ${theirs}.`,
    "Set the right account, or take the token of one of its users.",
  );
}
