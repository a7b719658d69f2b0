import { z } from "zod";
import { DeliveryError } from "../../src/domain/delivery.ts";

/** What nodemailer tells of a failure (nodemailer: errors.ts). Its words repeat addresses and replies, and are not used. */
const Fault = z.object({
  code: z.string().optional().catch(undefined),
  command: z.string().optional().catch(undefined),
  responseCode: z.number().optional().catch(undefined),
  response: z.string().optional().catch(undefined),
  originalCode: z.string().optional().catch(undefined),
});
type Fault = z.infer<typeof Fault>;

/** A reply that asks for a sign-in, or refuses it, whatever was being done (RFC 4954, 6). */
const SIGN_IN_REPLIES = new Set([530, 534, 535, 538]);

/**
 * Why a mail was not sent, in words for the operator. Only what concerns this recipient or this mail is `permanent`: what is
 * wrong with the server or its settings will be mended, and no mail should be lost until then.
 *
 * @param progress `wasSentWhole`: the server had the whole mail, so that without its answer nobody knows whether it was taken
 */
export function toDeliveryError(error: unknown, { wasSentWhole }: { readonly wasSentWhole: boolean }): DeliveryError {
  const fault = Fault.safeParse(error).data ?? {};
  const { kind, message } = isRefusal(fault) ? refusal(fault) : noAnswer(fault);
  return new DeliveryError(kind, message, { ambiguous: wasSentWhole && !isRefusal(fault) });
}

const isRefusal = ({ responseCode }: Fault): boolean => responseCode !== undefined && responseCode >= 400;

interface Judgement {
  readonly kind: "transient" | "permanent";
  readonly message: string;
}

function refusal(fault: Fault): Judgement {
  const { code, command = "", responseCode = 0 } = fault;
  const reply = replyOf(fault);
  if (code === "EAUTH" || SIGN_IN_REPLIES.has(responseCode)) return signIn(reply);
  if (responseCode < 500) {
    return { kind: "transient", message: `The mail server asks to try later${reply}. This is tried again.` };
  }
  // 503: the session was in the wrong state, which says nothing of the mail.
  if (command === "RCPT TO" && responseCode !== 503) {
    return {
      kind: "permanent",
      message: `The mail server takes no mail for this recipient${reply}: check the address in the bot's settings (notify).`,
    };
  }
  if (command === "DATA" && responseCode !== 503) {
    return { kind: "permanent", message: `The mail server refused this mail${reply}.` };
  }
  if (command === "MAIL FROM") {
    return {
      kind: "transient",
      message: `The mail server does not let this server send${reply}: check MAIL_FROM, and the account in SMTP_URL.`,
    };
  }
  return { kind: "transient", message: `The mail server turns this server away${reply}: check SMTP_URL.` };
}

function noAnswer({ code = "", originalCode = "" }: Fault): Judgement {
  if (code === "EAUTH" || code === "ENOAUTH" || code === "EOAUTH2") return signIn("");
  if (code === "EMESSAGE") return { kind: "permanent", message: "The mail is larger than the mail server takes." };
  const because = /^[A-Z][A-Z\d_]{2,60}$/.test(originalCode) ? ` (${originalCode})` : "";
  return { kind: "transient", message: silence(code, because) };
}

function silence(code: string, because: string): string {
  switch (code) {
    case "ETIMEDOUT":
    case "EABORT":
      return "The mail server did not answer in time. This is tried again; if it stays so, check host and port in SMTP_URL.";
    case "EDNS":
      return "The mail server's name has no address: check SMTP_URL.";
    case "ETLS":
      return `The mail server offers no safe connection${because}: check its certificate, and SMTP_URL.`;
    case "ESOCKET":
    case "ECONNECTION":
      return `The mail server could not be reached, or broke off${because}. If it stays so, check SMTP_URL: host, port, smtp or smtps, and the server's certificate.`;
    default:
      return "The mail could not be sent. This is tried again.";
  }
}

const signIn = (reply: string): Judgement => ({
  kind: "transient",
  message: `The mail server does not accept the sign-in${reply}: check user name and password in SMTP_URL.`,
});

/** The reply's numbers, such as " (550 5.1.1)": its words may hold anything. */
function replyOf({ responseCode, response = "" }: Fault): string {
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
  return enhanced === undefined ? ` (${responseCode})` : ` (${responseCode} ${enhanced})`;
}
