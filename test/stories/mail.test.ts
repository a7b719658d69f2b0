import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import PostalMime from "postal-mime";
import type { Email } from "postal-mime";
import { SMTPServer } from "smtp-server";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { ask } from "./steps.ts";
import { eventually, startWorld } from "./world.ts";
import type { World } from "./world.ts";

/** A mail server that takes everything. */
async function mailServer() {
  const taken: { to: string[]; mail: Email; raw: string }[] = [];
  let refusing = 0;
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    hideSTARTTLS: true,
    closeTimeout: 100,
    onData(stream, session, callback) {
      const take = async () => {
        const raw = await text(stream);
        const to = session.envelope.rcptTo.map(({ address }) => address);
        if (refusing === 0) taken.push({ to, mail: await PostalMime.parse(raw), raw });
        const refusal =
          refusing === 0 ? null : Object.assign(new Error("4.3.0 come back later"), { responseCode: 451 });
        refusing = Math.max(0, refusing - 1);
        callback(refusal);
      };
      void take();
    },
  });
  server.on("error", () => undefined);
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = listening.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    taken,
    refuseNext: (count: number) => {
      refusing = count;
    },
  };
}

let world: World;
let mails: Awaited<ReturnType<typeof mailServer>>;
const start = async (env: Record<string, string> = {}) => {
  world = await startWorld({ env });
  await world.settings({ notify: { email: ["team@example.com", "boss@example.com"] } });
};
beforeEach(async () => {
  mails = await mailServer();
});
afterEach(() => world.stop());

const recipients = () => mails.taken.flatMap((one) => one.to).toSorted();

test("each new live handoff and each lead is told to the team by mail", async () => {
  await start({ SMTP_URL: mails.url });
  const agent = await world.agent("Mia");
  await ask(world, "live-1", { summary: "Order 1042 has not arrived." });
  await eventually(() => mails.taken.length === 2);
  expect(recipients()).toEqual(["boss@example.com", "team@example.com"]);
  expect(mails.taken[0]!.mail.subject).toBe("Ana is waiting for a person · My business");
  expect(mails.taken[0]!.mail.text).toContain("Order 1042 has not arrived.");

  await agent.client.put("/v1/members/me/presence", { status: "away" });
  const { body } = await ask(world, "lead-1");
  const fields = { name: "Ana <b>Pop</b>", email: "ana@example.com", issue: "Bcc: eve@example.com" };
  const left = await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, { fields, terms: true });
  expect([body.handoff.mode, left.status]).toEqual(["lead", 201]);
  await eventually(() => mails.taken.length === 4);
  const { mail, raw } = mails.taken[2]!;
  expect(mail.subject).toBe("New lead: Ana <b>Pop</b> · My business");
  expect(mail.replyTo?.[0]?.address).toBe("ana@example.com");
  expect(mail.text).toContain("1042. I want a person.");
  expect(mail.html).not.toContain("<b>Pop</b>");
  expect(raw.split("\r\n\r\n")[0]).not.toMatch(/^Bcc:/im);
  // Nobody asks twice for the same.
  await ask(world, "lead-1");
  await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, { fields, terms: true });
  await eventually(async () => (await world.admin.get("/v1/deliveries?state=waiting")).body.items.length === 0);
  expect(mails.taken).toHaveLength(4);
});

test("mail held without SMTP_URL is shown, and sent after a start with it", async () => {
  const env: Record<string, string> = {};
  await start(env);
  const { body } = await ask(world, "lead-2");
  const fields = { name: "Ana", email: "ana@example.com" };
  await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, { fields, terms: true });
  const held = (await world.admin.get("/v1/deliveries?state=held")).body.items;
  expect(held.map((one: { mail: { to: string } }) => one.mail.to).toSorted()).toEqual([
    "boss@example.com",
    "team@example.com",
  ]);
  env["SMTP_URL"] = mails.url;
  await world.restart();
  await eventually(() => mails.taken.length === 2);
  expect(recipients()).toEqual(["boss@example.com", "team@example.com"]);
  expect((await world.admin.get("/v1/deliveries?state=held")).body.items).toEqual([]);
});

test("a mail that the server put off is sent later, once", async () => {
  await start({ SMTP_URL: mails.url });
  await world.settings({ notify: { email: ["team@example.com"] } });
  mails.refuseNext(2);
  const { body } = await ask(world, "lead-3");
  const fields = { name: "Ana", email: "ana@example.com" };
  await world.bot.post(`/v1/handoffs/${body.handoff.id}/lead`, { fields, terms: true });
  await eventually(() => {
    world.advance(1_000);
    return mails.taken.length > 0;
  });
  await eventually(async () => (await world.admin.get("/v1/deliveries?state=waiting")).body.items.length === 0);
  expect(recipients()).toEqual(["team@example.com"]);
});
