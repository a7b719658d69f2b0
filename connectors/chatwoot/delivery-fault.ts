import { looksPrivate } from "./addresses.ts";
import type { Version } from "./version.ts";

/** Why a webhook did not get through, and the way out. */
export interface DeliveryFault {
  readonly why: string;
  readonly fix: string;
}

interface Circumstances {
  readonly batonUrl: string;
  readonly version: Version;
}

const CHECK_BASE_URL =
  "Set BASE_URL of Baton to an address that Chatwoot's server reaches, and open what stands in between (firewall, DNS, certificate).";

/**
 * What Chatwoot noted at a message whose webhook failed (`external_error`, sheet 2.4), as a cause. Its words are never repeated:
 * they can hold the address with the secret at its end.
 */
export function deliveryFault(noted: string, circumstances: Circumstances): DeliveryFault {
  const text = noted.toLowerCase();
  const status = /\b([345]\d\d)\b/.exec(text.replace(/https?:\/\/\S+/g, ""))?.[1];
  if (/not allowed|private|unsafe|ssrf|no public|blocked/.test(text)) return privateNetwork(circumstances);
  if (/time[d ]*\s*-?out|execution expired/.test(text)) {
    return {
      why: "Chatwoot waited 5 seconds for Baton's answer and gave up, which it never tries again",
      fix:
        "If Baton answers fast elsewhere, a firewall drops Chatwoot's requests: let them pass. If Baton is slow, see its load. " +
        "The limit is WEBHOOK_TIMEOUT in Chatwoot's super admin console.",
    };
  }
  if (status === "401" || status === "403") {
    return {
      why: "Baton, or what stands in front of it, refused the webhook: signed with another secret, with a clock that is off, or not signed",
      fix: "Run the install again: it reads the secret anew. If that changes nothing, set both servers' clocks by NTP.",
    };
  }
  if (status === "404" || status === "410") {
    return {
      why: "there is no such connection where the webhook arrived: the address leads to another server or another Baton",
      fix: "Check BASE_URL of Baton, then run the install again.",
    };
  }
  if (status?.startsWith("3")) {
    return {
      why: "the webhook's address redirects",
      fix: "Set BASE_URL of Baton to the address that it redirects to, most often the one with https, then run the install again.",
    };
  }
  if (status !== undefined) {
    return {
      why: `Baton, or the proxy in front of it, answered ${status}`,
      fix: "See Baton's log and the proxy's, and that Baton is running.",
    };
  }
  if (/certificate|ssl|tls/.test(text)) {
    return {
      why: "Chatwoot does not accept the certificate at Baton's address",
      fix: "Give Baton a certificate that is valid there.",
    };
  }
  if (/invalid webhook url|host/.test(text) && looksPrivate(circumstances.batonUrl))
    return privateNetwork(circumstances);
  return { why: `Chatwoot did not reach ${circumstances.batonUrl}`, fix: CHECK_BASE_URL };
}

/** Chatwoot heard of no failure, or says nothing of it, and yet nothing came. */
export function silence(circumstances: Circumstances): DeliveryFault {
  if (looksPrivate(circumstances.batonUrl) && circumstances.version.refusesPrivateAddresses)
    return privateNetwork(circumstances);
  return {
    why: `Chatwoot's worker (Sidekiq) has not sent it yet, or it does not reach ${circumstances.batonUrl}`,
    fix: `See that Chatwoot's worker is running. ${CHECK_BASE_URL}`,
  };
}

export function privateNetwork({ batonUrl }: Pick<Circumstances, "batonUrl">): DeliveryFault {
  return {
    why: `Chatwoot 4.14 and later sends no webhook to a private address, and ${batonUrl} is one as Chatwoot sees it`,
    fix:
      "Give Baton a public address, or have Chatwoot's operator set SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true (since 4.14.1) for " +
      "its web server and its worker.",
  };
}
