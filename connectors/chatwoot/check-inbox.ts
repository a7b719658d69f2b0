import type { Finding, Seen } from "../../src/ports.ts";
import { isOurWebhook, looksPrivate, webhookAddress } from "./addresses.ts";
import { privateNetwork } from "./delivery-fault.ts";
import type { Desk } from "./desk.ts";
import { fine, wrong } from "../findings.ts";
import type { Inbox } from "./shapes.ts";
import { secretsIn } from "./signature.ts";
import type { Version } from "./version.ts";

interface Circumstances {
  readonly version: Version;
  /** Only administrators see the secret. */
  readonly isAdministrator: boolean;
  readonly seen: Seen;
}

/** What the settings of the inbox in Chatwoot tell. */
export function inboxFindings(desk: Desk, inbox: Inbox, circumstances: Circumstances): Finding[] {
  return [
    webhookFinding(desk, inbox, circumstances),
    secretFinding(desk, inbox, circumstances),
    ...privateAddressFindings(desk, circumstances),
    ...automaticFindings(inbox),
  ];
}

function webhookFinding(desk: Desk, inbox: Inbox, { version }: Circumstances): Finding {
  const step = "webhook";
  const ours = webhookAddress(desk);
  const needsPathSecret = !version.signsInboxes || desk.config.webhookSecret === null;
  const expected = needsPathSecret ? `${ours}/ followed by the connection's webhook secret` : ours;
  const given = inbox.webhook_url ?? "";
  const fix = `Set the webhook address of the inbox to ${expected}, as it is shown with the connection; or run the install again.`;
  if (given === "")
    return wrong(step, "The inbox has no webhook address, so Baton hears of agents' messages late.", fix);
  const isHere = given === ours || (given.startsWith(`${ours}/`) && given.length > ours.length + 1);
  if (!isHere && isOurWebhook(given, desk)) {
    return wrong(
      step,
      "The webhook address of the inbox leads to where Baton was before, not to where it is now.",
      fix,
    );
  }
  if (!isHere) return wrong(step, "The webhook address of the inbox leads elsewhere, not to this connection.", fix);
  if (needsPathSecret && given === ours) {
    return wrong(step, "The webhook address lacks the secret at its end, so webhooks are refused.", fix);
  }
  return fine(step, "The webhook address of the inbox leads to this connection.");
}

function secretFinding({ config }: Desk, inbox: Inbox, { version, isAdministrator }: Circumstances): Finding {
  const step = "secret";
  const ours = secretsIn(config.webhookSecret);
  const fix =
    "Copy the secret of the inbox from its settings in Chatwoot into the connection, or run the install again, which reads it.";
  if (!version.signsInboxes) {
    return ours.length === 0
      ? fine(step, "This Chatwoot does not sign webhooks; the secret in the webhook address proves them.")
      : wrong(
          step,
          "A webhook secret is set, but this Chatwoot does not sign, so every webhook is refused.",
          "Leave the webhook secret empty, or update Chatwoot.",
        );
  }
  if (inbox.hmac_token && ours.includes(inbox.hmac_token)) {
    return wrong(step, "The webhook secret that is set is the inbox's HMAC token, which is for another purpose.", fix);
  }
  if (ours.length === 0) {
    return fine(
      step,
      "No webhook secret is set: the secret in the webhook address proves webhooks. Signatures would be safer.",
    );
  }
  if (!inbox.secret && isAdministrator) {
    return wrong(
      step,
      `Chatwoot ${version.text} signs webhooks, but this inbox has no secret: its webhooks come without a signature, and are refused.`,
      "Reset the secret in the inbox's settings in Chatwoot, then run the install again, or copy it into the connection.",
    );
  }
  if (!inbox.secret) {
    const why = "Only an administrator's token can see the secret";
    return fine(step, `A webhook secret is set. ${why}, so it could not be compared.`);
  }
  if (!ours.includes(inbox.secret))
    return wrong(
      step,
      "The webhook secret is not that of the inbox (it may have been reset since), so every webhook is refused.",
      fix,
    );
  return fine(step, "The webhook secret is that of the inbox.");
}

/** Chatwoot refuses such addresses since 4.14.0, and says so only in its worker's log (sheet 2.5). What came in got through. */
function privateAddressFindings({ batonUrl }: Desk, { version, seen }: Circumstances): Finding[] {
  if (!looksPrivate(batonUrl) || !version.refusesPrivateAddresses || seen.lastWebhookAt !== null) return [];
  const { fix } = privateNetwork({ batonUrl });
  const message = `Baton's own address, ${batonUrl}, looks private. Chatwoot 4.14 and later sends no webhook there: until that is mended, agents' messages arrive late. ${fix}`;
  return [fine("network", message)];
}

/** Words that Chatwoot says by itself, and settings worth knowing. */
function automaticFindings(inbox: Inbox): Finding[] {
  const off = "Turn it off in the inbox's settings: Baton tells the visitor what they need to know.";
  return [
    ...(inbox.greeting_enabled
      ? [wrong("greeting", "The inbox greets each visitor by itself, in the middle of a conversation.", off)]
      : []),
    ...(inbox.working_hours_enabled && inbox.out_of_office_message
      ? [wrong("out_of_office", "The inbox answers by itself outside its business hours.", off)]
      : []),
    ...(inbox.lock_to_single_conversation
      ? [fine("lock", "The inbox keeps one conversation per visitor: each handoff opens the earlier one again.")]
      : []),
  ];
}
