import type { Finding } from "../../src/ports.ts";
import type { Desk } from "./desk.ts";
import { fine, wrong } from "../findings.ts";
import type { Inbox } from "./shapes.ts";
import { secretsIn } from "./signature.ts";

interface Circumstances {
  /** This release signs webhooks of API inboxes. */
  readonly signs: boolean;
  /** Only administrators see the secret. */
  readonly isAdministrator: boolean;
}

/** What the settings of the inbox in Chatwoot tell. */
export function inboxFindings(desk: Desk, inbox: Inbox, circumstances: Circumstances): Finding[] {
  return [
    webhookFinding(desk, inbox, circumstances),
    secretFinding(desk, inbox, circumstances),
    ...privateAddressFindings(desk),
    ...automaticFindings(inbox),
  ];
}

function webhookFinding({ batonUrl, connectionId, config }: Desk, inbox: Inbox, { signs }: Circumstances): Finding {
  const step = "webhook";
  const ours = `${batonUrl}/webhooks/chatwoot/${connectionId}`;
  const needsPathSecret = !signs || config.webhookSecret === null;
  const expected = needsPathSecret ? `${ours}/ followed by the connection's webhook secret` : ours;
  const given = inbox.webhook_url ?? "";
  const fix = `Set the webhook address of the inbox to ${expected}, as it is shown with the connection.`;
  if (given === "")
    return wrong(step, "The inbox has no webhook address, so Baton hears of agents' messages late.", fix);
  const isOurs = given === ours || (given.startsWith(`${ours}/`) && given.length > ours.length + 1);
  if (!isOurs) return wrong(step, "The webhook address of the inbox leads elsewhere, not to this connection.", fix);
  if (needsPathSecret && given === ours) {
    return wrong(step, "The webhook address lacks the secret at its end, so webhooks are refused.", fix);
  }
  return fine(step, "The webhook address of the inbox leads to this connection.");
}

function secretFinding({ config }: Desk, inbox: Inbox, { signs, isAdministrator }: Circumstances): Finding {
  const step = "secret";
  const ours = secretsIn(config.webhookSecret);
  const fix = "Copy the secret of the inbox from its settings in Chatwoot into the connection.";
  if (!signs) {
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
  if (!inbox.secret) {
    const why = isAdministrator
      ? "Chatwoot does not show the secret"
      : "Only an administrator's token can see the secret";
    return fine(step, `A webhook secret is set. ${why}, so it could not be compared.`);
  }
  if (!ours.includes(inbox.secret))
    return wrong(step, "The webhook secret is not that of the inbox, so every webhook is refused.", fix);
  return fine(step, "The webhook secret is that of the inbox.");
}

/** Chatwoot refuses such addresses since 4.14.0 and says so only in its worker's log (sheet 2.5). */
function privateAddressFindings({ batonUrl }: Desk): Finding[] {
  const host = URL.parse(batonUrl)?.hostname ?? "";
  const isPrivate =
    /^(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|\[)/.test(host) || !host.includes(".");
  if (!isPrivate) return [];
  const message =
    `Baton's own address, ${batonUrl}, looks private. Chatwoot 4.14 and later sends no webhook there unless its operator sets ` +
    "SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true (4.14.1) on web and worker; until then agents' messages arrive late.";
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
