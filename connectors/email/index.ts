import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { domainToASCII } from "node:url";
import { createTransport } from "nodemailer";
import { encodeWord } from "nodemailer/lib/mime-funcs";
import { cleanText, oneLine } from "../../src/domain/clean-text.ts";
import { DeliveryError } from "../../src/domain/delivery.ts";
import { isEmailAddress } from "../../src/domain/email-address.ts";
import type { Clock, Mail, Mailer } from "../../src/ports.ts";
import { toDeliveryError } from "./failures.ts";

export interface MailerSettings {
  /**
   * `smtps://user:password@host:465`, or `smtp://…` for STARTTLS where the server offers it (`?requireTLS=true` to insist).
   * nodemailer's other options may stand in the query as well.
   */
  readonly smtpUrl: string;
  /** An address, or a name and an address: `Baton <baton@example.com>`. */
  readonly from: string;
  /** For the Date header. */
  readonly clock?: Clock;
  readonly timeouts?: {
    /** Name, connection and TLS. Default 10,000 ms. */
    readonly connectMs?: number;
    /** Until the server's first line. Default 10,000 ms. */
    readonly greetingMs?: number;
    /** Silence in the middle. Default 30,000 ms. */
    readonly socketMs?: number;
    /** For one mail as a whole, waiting for a free connection included. Default 60,000 ms. */
    readonly totalMs?: number;
  };
  /** Certificate authority trusted instead of the system's; for tests. */
  readonly ca?: string;
}

export interface SmtpMailer extends Mailer {
  /** Ends the connections; a mail that is being sent is finished first. */
  close(): void;
}

/**
 * Sends mail through the operator's mail server. Addresses are data: whatever could add a header, a recipient or a display
 * name is refused or left out, never passed on. Files of a mail are not fetched: its text links them.
 *
 * @throws RangeError when `from` is no address
 */
export function createMailer(settings: MailerSettings): SmtpMailer {
  const { smtpUrl, clock = () => new Date(), timeouts = {}, ca } = settings;
  const from = parseSender(settings.from);
  const transport = createTransport({
    pool: true,
    url: smtpUrl,
    maxConnections: 3,
    // A connection that the server closed while it was idle is replaced once; what else fails is the worker's to repeat.
    maxRequeues: 1,
    connectionTimeout: timeouts.connectMs ?? 10_000,
    dnsTimeout: timeouts.connectMs ?? 10_000,
    greetingTimeout: timeouts.greetingMs ?? 10_000,
    socketTimeout: timeouts.socketMs ?? 30_000,
    ...(ca === undefined ? {} : { tls: { ca } }),
  });

  // Only the last dot makes the server take a mail: one whose text was never read to its end has certainly not been taken.
  const texts = new WeakMap<AbortSignal, Readable>();
  transport.use("stream", (mail, done) => {
    const { signal } = mail.data;
    mail.message.processFunc((text: Readable) => {
      if (signal) texts.set(signal, text);
      return text;
    });
    done();
  });

  return {
    async send(mail) {
      if (!isEmailAddress(mail.to)) {
        throw new DeliveryError(
          "permanent",
          "This recipient is no email address: correct it in the bot's settings (notify).",
        );
      }
      // A server that says a little every few seconds is never silent: only a limit for everything ends that.
      const signal = AbortSignal.timeout(timeouts.totalMs ?? 60_000);
      try {
        await transport.sendMail({ ...contentOf(mail, from, clock()), signal });
      } catch (error) {
        throw toDeliveryError(error, { wasSentWhole: texts.get(signal)?.readableEnded ?? false });
      }
    },
    async check() {
      try {
        await transport.verify();
      } catch (error) {
        throw toDeliveryError(error, { wasSentWhole: false });
      }
    },
    close: () => transport.close(),
  };
}

interface Sender {
  readonly name: string;
  readonly address: string;
}

function contentOf(mail: Mail, from: Sender, date: Date) {
  return {
    from,
    to: { name: "", address: mail.to },
    ...(mail.replyTo !== null && isEmailAddress(mail.replyTo) ? { replyTo: { name: "", address: mail.replyTo } } : {}),
    text: cleanText(mail.text),
    html: cleanText(mail.html),
    date,
    messageId: messageIdOf(mail.key, from),
    // Keeps holiday notes and other robots from answering (RFC 3834, 5); the second is what Exchange reads.
    headers: {
      Subject: subjectOf(mail.subject),
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
    },
    xMailer: false as const,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** nodemailer encodes what needs it, but takes words that are encoded already for its own: a name can be written like one. */
function subjectOf(text: string) {
  const subject = oneLine(text);
  return subject.includes("=?") ? { prepared: true, foldLines: true, value: encodeWord(subject, "Q", 52) } : subject;
}

/** The same for each attempt, so that a mail that was sent twice is shown once. */
function messageIdOf(key: string, { address }: Sender): string {
  const domain = domainToASCII(address.slice(address.lastIndexOf("@") + 1)) || "localhost";
  return `<${createHash("sha256").update(key).digest("hex").slice(0, 40)}@${domain}>`;
}

function parseSender(from: string): Sender {
  const given = /^(?<name>[^<>\r\n]*)<(?<address>[^<>\s]+)>$/.exec(from.trim())?.groups;
  const address = given?.["address"] ?? from.trim();
  // Looser than for recipients: `baton@localhost` is what a server without a public name has.
  if (!/^[^\s<>@,;:"()]+@[^\s<>@,;"()]+$/.test(address)) {
    throw new RangeError("MAIL_FROM must be like Baton <baton@example.com>");
  }
  const name = oneLine(given?.["name"] ?? "").replace(/^"(.*)"$/, "$1");
  return { name, address };
}
