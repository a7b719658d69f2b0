import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import PostalMime from "postal-mime";
import type { Email } from "postal-mime";
import { SMTPServer } from "smtp-server";
import type { SMTPServerOptions } from "smtp-server";
import { describe, expect, onTestFinished, test } from "vitest";
import { DeliveryError } from "../../src/domain/delivery.ts";
import type { Mail } from "../../src/ports.ts";
import { bodyOf, listenTcp } from "../../test/outgoing/servers.ts";
import { createMailer } from "./index.ts";
import type { MailerSettings } from "./index.ts";

const key = readFileSync(new URL("../../test/outgoing/fixtures/tls-key.pem", import.meta.url));
const cert = readFileSync(new URL("../../test/outgoing/fixtures/tls-cert.pem", import.meta.url), "utf8");

interface Taken {
  readonly raw: string;
  readonly from: string | null;
  readonly to: readonly string[];
  readonly isSafe: boolean;
}

/** A mail server on loopback that takes everything, unless told otherwise. */
async function mailServer(options: SMTPServerOptions = {}) {
  const taken: Taken[] = [];
  const sessions = new Set<string>();
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    hideSTARTTLS: true,
    closeTimeout: 100,
    onConnect(session, callback) {
      sessions.add(session.id);
      callback();
    },
    onData(stream, { envelope, secure }, callback) {
      const take = async () => {
        const raw = (await bodyOf(stream as never)).toString("utf8");
        const from = envelope.mailFrom === false ? null : envelope.mailFrom.address;
        taken.push({ raw, from, to: envelope.rcptTo.map(({ address }) => address), isSafe: secure });
        callback();
      };
      void take();
    },
    ...options,
  });
  server.on("error", () => undefined);
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)));
  return { url: `smtp://127.0.0.1:${port}`, port, taken, sessions };
}

function mailer(smtpUrl: string, settings: Partial<MailerSettings> = {}) {
  const made = createMailer({ smtpUrl, from: "Baton <baton@shop.example>", ...settings });
  onTestFinished(() => made.close());
  return made;
}

const lead: Mail = {
  to: "team@shop.example",
  subject: "New lead: Ana Pop · Shop",
  text: "Name: Ana Pop\nEmail: ana@example.com\n",
  html: "<!doctype html><html><body><p>Ana <b>Pop</b></p></body></html>",
  replyTo: "ana@example.com",
  key: "hnd_01J:lead:0",
};

async function sent(mail: Partial<Mail>, settings: Partial<MailerSettings> = {}) {
  const server = await mailServer();
  await mailer(server.url, settings).send({ ...lead, ...mail });
  expect(server.taken).toHaveLength(1);
  const [taken] = server.taken;
  return { ...taken!, mail: await PostalMime.parse(taken!.raw) };
}

const header = (mail: Email, name: string) =>
  mail.headers.filter((one) => one.key === name.toLowerCase()).map((one) => one.value);

const namesOf = (mail: Email) => mail.headers.map((one) => one.key).toSorted();

async function failureOf(promise: Promise<unknown>): Promise<DeliveryError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof DeliveryError) return outcome;
  throw outcome === null ? new Error("it did not fail") : outcome;
}

const refusing = (code: number, words: string) => Object.assign(new Error(words), { responseCode: code });

const plainHeaders = [
  "auto-submitted",
  "content-type",
  "date",
  "from",
  "message-id",
  "mime-version",
  "reply-to",
  "subject",
  "to",
  "x-auto-response-suppress",
];

describe("a mail", () => {
  test("arrives with a text and an HTML part, and says who, to whom and what", async () => {
    const { mail, from, to } = await sent({}, { clock: () => new Date("2026-11-20T12:00:00Z") });
    expect({ from, to }).toEqual({ from: "baton@shop.example", to: ["team@shop.example"] });
    expect(mail.from).toEqual({ name: "Baton", address: "baton@shop.example" });
    expect(mail.to).toEqual([{ name: "", address: "team@shop.example" }]);
    expect(mail.replyTo).toEqual([{ name: "", address: "ana@example.com" }]);
    expect(mail.subject).toBe("New lead: Ana Pop · Shop");
    expect(mail.text?.trim()).toBe("Name: Ana Pop\nEmail: ana@example.com");
    expect(mail.html?.trim()).toBe("<!doctype html><html><body><p>Ana <b>Pop</b></p></body></html>");
    expect(mail.date).toBe("2026-11-20T12:00:00.000Z");
    expect(header(mail, "content-type")[0]).toMatch(/^multipart\/alternative;/);
    expect(namesOf(mail)).toEqual(plainHeaders);
  });

  test("tells robots not to answer", async () => {
    const { mail } = await sent({});
    expect(header(mail, "auto-submitted")).toEqual(["auto-generated"]);
  });

  test("has the same Message-ID on each attempt, another for another mail, in the sender's domain", async () => {
    const server = await mailServer();
    const baton = mailer(server.url);
    for (const key of ["mail-1", "mail-1", "mail-2", "weird>\r\nX-Evil: 1 <"]) await baton.send({ ...lead, key });
    const mails = await Promise.all(server.taken.map(({ raw }) => PostalMime.parse(raw)));
    const [first, again, other, weird] = mails.map((mail) => mail.messageId);
    expect(first).toMatch(/^<[\da-f]{40}@shop\.example>$/);
    expect(again).toBe(first);
    expect(other).toMatch(/^<[\da-f]{40}@shop\.example>$/);
    expect(other).not.toBe(first);
    expect(weird).toMatch(/^<[\da-f]{40}@shop\.example>$/);
    expect(namesOf(mails[3]!)).toEqual(plainHeaders);
  });

  test.each([
    "Neue Anfrage: Jürgen Groß 👩‍👧 — 请求 — طلب جديد",
    "ș".repeat(200),
    `${"long ".repeat(39)}end`,
    "=?utf-8?B?WC1FdmlsOiAx?=",
    `Hi =?utf-8?Q?a?= =?utf-8?Q?b?= ${"=?utf-8?B?WC1FdmlsOiAx?= ".repeat(6)}end · Ș`,
  ])("carries the subject %j unchanged", async (subject) => {
    const { mail, raw } = await sent({ subject });
    expect(mail.subject).toBe(subject);
    const head = raw.slice(0, raw.indexOf("\r\n\r\n"));
    expect(Math.max(...head.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(78);
  });

  test.each([
    ["long lines", "x".repeat(5_000)],
    ["long lines of words", "word ".repeat(2_000).trim()],
    ["every script", "Grüße 👩‍👧 请求 طلب ș\nsecond line"],
    ["dots and From at the beginning of lines", ".\n..\n.hidden\nFrom here\n.\nend"],
    ["trailing spaces and tabs", "a  \n\tb\t\nc = =3D =\n-- \nend"],
  ])("carries %s unchanged, in lines that every server takes", async (_what, text) => {
    const { mail, raw } = await sent({ text, html: `<p>${text}</p>` });
    expect(mail.text?.replace(/\n$/, "")).toBe(text);
    expect(mail.html?.replace(/\n$/, "")).toBe(`<p>${text}</p>`);
    expect(Math.max(...raw.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
  });

  test("with U+0000 or half a character arrives all the same", async () => {
    const { mail } = await sent({ text: "a\u0000b \ud83d end", subject: "x\u0000\ud83dy" });
    expect(mail.text?.trim()).toBe("ab \ufffd end");
    expect(mail.subject).toBe("x\ufffdy");
  });

  test("without anybody to answer to has no Reply-To", async () => {
    const { mail } = await sent({ replyTo: null });
    expect(namesOf(mail)).toEqual(plainHeaders.filter((name) => name !== "reply-to"));
  });

  test("fetches no file, whatever it is given", async () => {
    const { mail } = await sent({
      attachments: [{ url: "http://127.0.0.1:9/secret", name: "a.png", contentType: null, size: null }],
    });
    expect(mail.attachments).toEqual([]);
  });

  test("of a sender that is an address alone, or has a quoted name", async () => {
    const plain = await sent({}, { from: "baton@localhost" });
    expect(plain.mail.from).toEqual({ name: "", address: "baton@localhost" });
    expect(plain.mail.messageId).toMatch(/@localhost>$/);
    const quoted = await sent({}, { from: '"Șhop, Inc." <help@shop.example>' });
    expect(quoted.mail.from).toEqual({ name: "Șhop, Inc.", address: "help@shop.example" });
  });
});

describe("what could add a header", () => {
  const evil = "\r\nBcc: spy@evil.example\r\nX-Evil: 1\r\n\r\n<b>body</b>";

  test.each(["\r\n", "\n", "\r", "\r\n ", "\u2028", "\u0085", "\u0000\r\n", "%0d%0a"])(
    "does not, in the subject after %j",
    async (lineEnd) => {
      const { mail, to } = await sent({ subject: `Hi${lineEnd}Bcc: spy@evil.example${lineEnd}${lineEnd}body` });
      expect(namesOf(mail)).toEqual(plainHeaders);
      expect(to).toEqual(["team@shop.example"]);
      expect(mail.text?.trim()).toBe("Name: Ana Pop\nEmail: ana@example.com");
    },
  );

  test.each([
    `ana@example.com${evil}`,
    `ana@example.com\nBcc: spy@evil.example`,
    "ana@example.com, spy@evil.example",
    "Ana <ana@example.com>",
    "<ana@example.com>",
    '"ceo@bank.example" <ana@example.com>',
    "group: a@example.com, b@example.com;",
    "ana@example.com (ceo@bank.example)",
    "ana",
    "",
  ])("as the visitor's address %j is left out, and the mail goes all the same", async (replyTo) => {
    const { mail, to } = await sent({ replyTo });
    expect(namesOf(mail)).toEqual(plainHeaders.filter((name) => name !== "reply-to"));
    expect(to).toEqual(["team@shop.example"]);
  });

  test.each([
    `team@shop.example${evil}`,
    "team@shop.example, spy@evil.example",
    "Team <team@shop.example>",
    "team@shop.example>\r\nRCPT TO:<spy@evil.example",
    "",
  ])("as the recipient %j is refused before anything is sent", async (to) => {
    const server = await mailServer();
    const error = await failureOf(mailer(server.url).send({ ...lead, to }));
    expect(error).toMatchObject({ kind: "permanent", ambiguous: false });
    expect(error.message).toMatch(/notify/);
    expect(error.message).not.toMatch(/shop\.example|evil/);
    expect([server.sessions.size, server.taken.length]).toEqual([0, 0]);
  });

  test.each(["baton", "Baton <baton>", "Baton <a@b.example>\r\nX-Evil: 1", "a@b.example, c@d.example", ""])(
    "as the sender %j stops the start",
    (from) => {
      expect(() => createMailer({ smtpUrl: "smtp://127.0.0.1", from })).toThrow(/MAIL_FROM/);
    },
  );
});

describe("a connection", () => {
  test("serves several mails", async () => {
    const server = await mailServer();
    const baton = mailer(server.url);
    for (const key of ["1", "2", "3"]) await baton.send({ ...lead, key });
    expect([server.taken.length, server.sessions.size]).toEqual([3, 1]);
  });

  test("over smtps is safe from the first byte", async () => {
    const server = await mailServer({ secure: true, key, cert });
    await mailer(`smtps://127.0.0.1:${server.port}`, { ca: cert }).send(lead);
    expect(server.taken.map(({ isSafe }) => isSafe)).toEqual([true]);
  });

  test("over smtp becomes safe where the server offers it", async () => {
    const server = await mailServer({ hideSTARTTLS: false, key, cert });
    await mailer(server.url, { ca: cert }).send(lead);
    expect(server.taken.map(({ isSafe }) => isSafe)).toEqual([true]);
  });

  test.each([
    ["smtps", { secure: true }],
    ["smtp", { hideSTARTTLS: false }],
  ])("over %s is not made when nobody vouches for the certificate", async (scheme, options) => {
    const server = await mailServer({ ...options, key, cert });
    const error = await failureOf(mailer(`${scheme}://127.0.0.1:${server.port}`).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(error.message).toMatch(/certificate/);
    expect(server.taken).toEqual([]);
  });

  test("that the server closed while it was idle is replaced, and the mail goes once", async () => {
    const server = await mailServer({ socketTimeout: 150 });
    const baton = mailer(server.url);
    await baton.send({ ...lead, key: "1" });
    await expect.poll(() => server.sessions.size, { timeout: 5_000 }).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 400)); // the server's own clock cannot be set
    await baton.send({ ...lead, key: "2" });
    expect([server.taken.length, server.sessions.size]).toEqual([2, 2]);
  });

  test("signs in with what SMTP_URL holds", async () => {
    const seen: unknown[] = [];
    const server = await mailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth({ username, password }, _session, callback) {
        seen.push([username, password]);
        callback(null, { user: "baton" });
      },
    });
    await mailer(server.url.replace("//", "//baton:p%40ss@")).send(lead);
    expect(seen).toEqual([["baton", "p@ss"]]);
    expect(server.taken).toHaveLength(1);
  });
});

describe("a server that refuses", () => {
  const words = "5.1.1 <team@shop.example> unknown, token q-secret";

  test.each([
    ["an unknown recipient", { onRcptTo: 550 }, "permanent", /recipient \(550 5\.1\.1\).*notify/],
    ["greylisting", { onRcptTo: 451 }, "transient", /try later \(451/],
    ["a full mailbox for now", { onRcptTo: 452 }, "transient", /try later/],
    ["a recipient in a confused session", { onRcptTo: 503 }, "transient", /503/],
    ["a recipient before a sign-in", { onRcptTo: 530 }, "transient", /SMTP_URL/],
    ["the mail itself", { onData: 554 }, "permanent", /refused this mail \(554/],
    ["the mail for now", { onData: 451 }, "transient", /try later \(451/],
    ["our sender address", { onMailFrom: 553 }, "transient", /MAIL_FROM/],
    ["our sender address for now", { onMailFrom: 421 }, "transient", /try later|broke off/],
    ["us", { onConnect: 554 }, "transient", /turns this server away \(554/],
  ] as const)("%s is judged by what it says", async (_what, refused, kind, message) => {
    const [[step, code]] = Object.entries(refused) as [[string, number]];
    const refuse = refusing(code, code === 550 ? words : "q-secret <team@shop.example>");
    const server = await mailServer({
      [step]: (first: unknown, second: unknown, third?: (error: Error) => void) => {
        if (step === "onData") (first as NodeJS.ReadableStream).resume();
        const callback = (third ?? second) as (error: Error) => void;
        if (step !== "onData") return callback(refuse);
        (first as NodeJS.ReadableStream).once("end", () => callback(refuse));
      },
    });
    const error = await failureOf(mailer(server.url).send(lead));
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ kind, ambiguous: false });
    expect(`${error.message} ${error.stack}`).not.toMatch(/q-secret|team@shop\.example|Ana/);
  });

  test.each([
    [535, "a wrong password"],
    [454, "a sign-in for now"],
  ])("the sign-in with %i (%s) is for the operator, and nothing is lost", async (code) => {
    const server = await mailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_auth, _session, callback) => callback(refusing(code, "no, p4ssw0rd")),
    });
    const error = await failureOf(mailer(server.url.replace("//", "//baton:p4ssw0rd@")).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(error.message).toMatch(/sign-in.*SMTP_URL/);
    expect(`${error.message} ${error.stack}`).not.toContain("p4ssw0rd");
  });

  test("one recipient takes the next one's mail all the same", async () => {
    const server = await mailServer({
      onRcptTo: ({ address }, _session, callback) =>
        callback(address.startsWith("nobody") ? refusing(550, "unknown") : null),
    });
    const baton = mailer(server.url);
    expect(await failureOf(baton.send({ ...lead, to: "nobody@shop.example" }))).toMatchObject({ kind: "permanent" });
    await baton.send(lead);
    expect(server.taken.map(({ to }) => to)).toEqual([["team@shop.example"]]);
  });
});

describe("a server that does not answer", () => {
  const quick = { timeouts: { connectMs: 2_000, greetingMs: 1_000, socketMs: 200, totalMs: 5_000 } };

  test("because nobody listens is tried again", async () => {
    // Somebody listens on that port, but on another address.
    const { port } = await listenTcp(() => undefined);
    const error = await failureOf(mailer(`smtp://127.0.0.2:${port}`, quick).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(error.message).toMatch(/could not be reached, or broke off \(ECONNREFUSED\).*SMTP_URL/);
  });

  test("because its greeting is slow is given up", async () => {
    const { port } = await listenTcp(() => undefined);
    const timeouts = { connectMs: 5_000, greetingMs: 100, socketMs: 5_000, totalMs: 5_000 };
    const error = await failureOf(mailer(`smtp://127.0.0.1:${port}`, { timeouts }).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(error.message).toMatch(/did not answer in time/);
  });

  test("because it hangs up at once is tried again", async () => {
    const server = await listenTcp((socket) => socket.destroy());
    const error = await failureOf(mailer(`smtp://127.0.0.1:${server.port}`, quick).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  test("but trickles is given up in time", async () => {
    const { port } = await listenTcp((socket) => {
      const timer = setInterval(() => socket.write("220-still here\r\n"), 20);
      socket.once("close", () => clearInterval(timer));
    });
    const timeouts = { connectMs: 5_000, greetingMs: 5_000, socketMs: 5_000, totalMs: 200 };
    const error = await failureOf(mailer(`smtp://127.0.0.1:${port}`, { timeouts }).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(error.message).toMatch(/did not answer in time/);
  });

  test("speaking something else is no mail server", async () => {
    const { port } = await listenTcp((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await failureOf(mailer(`smtp://127.0.0.1:${port}`, quick).send(lead))).toMatchObject({
      kind: "transient",
      ambiguous: false,
    });
  });

  test("in the middle of the envelope has not taken the mail", async () => {
    const asked: string[] = [];
    const server = await mailServer({ onRcptTo: ({ address }) => void asked.push(address) });
    const error = await failureOf(mailer(server.url, quick).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: false });
    expect(asked).toEqual(["team@shop.example"]);
  });

  test("after it had the whole mail may have taken it", async () => {
    const server = await mailServer({ onData: (stream) => void stream.resume() });
    const error = await failureOf(mailer(server.url, quick).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: true });
  });

  test("because it broke off after it had the whole mail may have taken it, and is not told twice", async () => {
    let mails = 0;
    const { port } = await listenTcp((socket) => {
      let isText = false;
      socket.write("220 mail.test ESMTP\r\n");
      socket.on("data", (chunk) => {
        const said = chunk.toString();
        if (isText) {
          if (!said.endsWith("\r\n.\r\n")) return;
          mails += 1;
          socket.destroy();
        } else if (said.startsWith("DATA")) {
          isText = true;
          socket.write("354 go on\r\n");
        } else socket.write("250 ok\r\n");
      });
    });
    const error = await failureOf(mailer(`smtp://127.0.0.1:${port}`, quick).send(lead));
    expect(error).toMatchObject({ kind: "transient", ambiguous: true });
    expect(mails).toBe(1);
  });
});

test("a closed mailer sends nothing more", async () => {
  const server = await mailServer();
  const made = mailer(server.url);
  await made.send(lead);
  made.close();
  expect(await failureOf(made.send(lead))).toMatchObject({ kind: "transient" });
  expect(server.taken).toHaveLength(1);
});
