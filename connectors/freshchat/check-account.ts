import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Finding } from "../../src/ports.ts";
import { fine, wrong } from "../findings.ts";
import { failedStep } from "./check-step.ts";
import type { Desk } from "./desk.ts";
import { Refusal } from "./failures.ts";
import type { Budget } from "./pages.ts";

const Text = z
  .union([z.string(), z.number().transform(String)])
  .nullish()
  .catch(null);

/** What is read of `GET /accounts/configuration` (sheet 1.10). */
const Account = z
  .looseObject({ account_id: Text, app_id: Text, plan_type: Text, bundle_type: Text, datacenter: Text })
  // Any JSON would fit otherwise: what names neither is no account.
  .refine(({ account_id: id, app_id: appId }) => Boolean(id) || Boolean(appId));
type Account = z.infer<typeof Account>;

export interface AccountFindings {
  readonly findings: readonly Finding[];
  readonly about: Readonly<Record<string, string>>;
  /** False: nothing else can be asked. */
  readonly isUsable: boolean;
}

/** Address, token, rights and account, all told by the one request that proves a token (sheet 1.10). Never rejects. */
export async function checkAccount({ client, config }: Desk, budget: Budget): Promise<AccountFindings> {
  const reached = fine("reach", `FreshChat answers at ${config.baseUrl}.`);
  const token = fine("token", "The API token is accepted.");
  try {
    const account = await client.call({
      method: "GET",
      path: "/accounts/configuration",
      doing: "show the account",
      answer: Account,
      timeoutMs: budget.left(),
    });
    const findings = [
      reached,
      token,
      fine("rights", "The API token may read the account."),
      accountFinding(account, config.appId),
    ];
    return { findings, about: aboutOf(account), isUsable: true };
  } catch (error) {
    return { findings: failed(error, reached, token), about: {}, isUsable: false };
  }
}

function failed(error: unknown, reached: Finding, token: Finding): readonly Finding[] {
  if (error instanceof Refusal) {
    if (error.status === 401) return [reached, failedStep("token", error)];
    if (error.status === 403) return [reached, token, failedStep("rights", error)];
  }
  // Held back by our own pace, FreshChat was not asked: that it answers is then not known.
  if (error instanceof DeliveryError && error.kind === "rate_limited") return [failedStep("account", error)];
  return [failedStep("reach", error)];
}

function accountFinding({ account_id: id, app_id: appId }: Account, expected: string | null): Finding {
  if (expected !== null && appId && appId !== expected) {
    return wrong(
      "account",
      `The token is of the account with the app id ${short(appId)}, not of ${expected}, whose webhooks alone are taken.`,
      `Set the app id to ${short(appId)} or leave it empty; or set the address and the token of the other account.`,
    );
  }
  const which = [id ? `account ${short(id)}` : null, appId ? `app id ${short(appId)}` : null]
    .filter(Boolean)
    .join(", ");
  return fine("account", `The token is of ${which}.`);
}

/** `appId` is what an installation keeps, to tell this account's webhooks from another's. */
function aboutOf({
  account_id: id,
  app_id: appId,
  plan_type: plan,
  bundle_type: bundle,
  datacenter,
}: Account): Record<string, string> {
  const about = { account: id, appId, plan: plan ?? bundle, datacenter };
  return Object.fromEntries(Object.entries(about).flatMap(([name, text]) => (text ? [[name, short(text)]] : [])));
}

const short = (text: string): string => text.trim().slice(0, 100);
