import { parseArgs } from "node:util";
import { HELPDESKS } from "./helpdesks.ts";
import type { HelpdeskName } from "./helpdesks.ts";
import { chapter, check, dim, say } from "./printed.ts";
import { setStage, watch } from "./stage.ts";
import type { Answer, Stage } from "./stage.ts";

/*
 * The whole story in the terminal: a bot passes a conversation to a person in the helpdesk and gets it back, and in the
 * evening a lead is captured. Everything runs on this machine over HTTP: Baton itself, a Chatwoot or FreshChat that answers
 * like the real one, and a bot. It checks each step, and ends with 0, or with 1 and what went wrong.
 *
 *   npm run demo
 *   npm run demo -- --helpdesk freshchat
 */

const LONGEST_MS = 30_000;
const TIMEZONE = "Europe/Bucharest";
/** A Thursday, 10:00 and 21:30 in Bucharest. */
const MORNING = new Date("2026-11-19T08:00:00Z");
const EVENING = new Date("2026-11-19T19:30:00Z");

const PRODUCT = { id: "heron", name: "Heron reading lamp", url: "https://lamps.example/heron", price: "79.00 EUR" };
const MAIL_LINES = 12;
const NOTE = "She is a good customer: we pay for the express parcel.";

async function connect(stage: Stage): Promise<void> {
  const { helpdesk, asAdmin } = stage;
  chapter(`Connect ${helpdesk.title}`);
  const made = await asAdmin("POST", "/v1/connections", {
    type: helpdesk.name,
    name: "Support",
    config: helpdesk.config,
  });
  check("the connection is kept, and its token is not shown again", made.status === 201 && isSilent(stage, made), made);
  // By hand. Chatwoot: Settings, Inboxes, the API inbox. FreshChat: Admin Settings, Conversation Webhooks.
  helpdesk.setWebhookUrl(made.body.webhookUrl);
  const checked = await asAdmin("POST", `/v1/connections/${made.body.id}/check`);
  for (const finding of checked.body.findings) say("baton", finding.ok ? "check: ok" : "check: wrong", finding.message);
  check(`${helpdesk.title} is reached, and everything it needs is set`, isFine(checked), checked.body);

  const day = { enabled: true, slots: [{ start: "09:00", end: "18:00" }] };
  const set = await asAdmin("PATCH", `/v1/bots/${stage.botId}`, {
    callbackUrl: stage.bot.url,
    settings: {
      destinations: [{ id: made.body.id, priority: "high", labels: ["from-bot"] }],
      schedule: {
        timezone: TIMEZONE,
        weekly: { monday: day, tuesday: day, wednesday: day, thursday: day, friday: day },
      },
      messages: { en: { custom: "Until then, our guide to bulbs may help: https://lamps.example/bulbs" } },
      notify: { email: ["team@lamps.example"] },
    },
  });
  check("opening hours are set: Monday to Friday, 9:00 to 18:00 in Bucharest", set.status === 200, set.body);
}

const isSilent = ({ helpdesk }: Stage, { body }: Answer): boolean =>
  helpdesk.secrets.every((secret) => !JSON.stringify(body).includes(secret));

/** No webhook can have come yet: nobody has written anything. */
const isFine = ({ body }: Answer): boolean =>
  body.findings.every(({ ok, step }: { ok: boolean; step: string }) => ok || step === "webhook");

async function live(stage: Stage): Promise<void> {
  const { helpdesk, bot, asBot, asAdmin } = stage;
  const desk = watch(stage);
  chapter("Thursday 10:00. Ana asks for a person, and the team is there");
  const open = await asBot("GET", "/v1/availability");
  say("baton", "availability", open.body.explanation.text);
  check("a person can take over now", open.body.available === true, open.body);

  const messages = [
    { id: "m1", role: "visitor", text: "Hello, where is my order 1042?" },
    { id: "m2", role: "bot", text: "It left our workshop on Monday. Has the parcel not arrived?" },
    { id: "m3", role: "visitor", text: "No, and it is a present for tomorrow. I want to talk to a person!" },
  ];
  for (const { role, text } of messages) say("shop", role === "visitor" ? "Ana" : "bot", text);
  // Long enough that Ana goes on typing while the conversation is being opened.
  helpdesk.slowOpening(250);
  const asked = await asBot("POST", "/v1/handoffs", {
    conversation: {
      id: "c-1042",
      locale: "en",
      channel: { type: "widget" },
      pageUrl: PRODUCT.url,
      visitor: { id: "v-5", name: "Ana", email: "ana@example.com" },
      messages,
      products: [PRODUCT],
      summary: "Order 1042 has not arrived; it is a present for tomorrow.",
    },
    trigger: "visitor",
    reason: "asked for a person",
  });
  tellDecision(asked);
  for (const { text } of asked.body.reply) say("shop", "bot", text);
  check("the bot has asked for a person, and is silent from now on", asked.body.control === "human", asked.body);

  const visitor = stage.as(asked.body.visitorToken);
  for (const [id, text] of [
    ["m4", "It went to Cluj-Napoca, by the way."],
    ["m5", "Are you there?"],
  ]) {
    say("shop", "Ana", `${text} ${dim("(while ${helpdesk.title} is still being asked)")}`);
    await visitor("POST", "/v1/conversations/c-1042/messages", { id, text });
  }
  await bot.until("handoff.opened");
  const [ticket] = helpdesk.conversations();
  if (ticket === undefined) throw new Error(`${helpdesk.title} has no conversation`);
  await helpdesk.waitFor(() => desk.visitorTexts(ticket).length >= 3);
  desk.print(ticket);
  check(
    "the agent sees a note with the whole story, and each of Ana's messages once and in order",
    helpdesk.lines(ticket).some(({ by, text }) => by === "private note" && text.includes("our workshop on Monday")) &&
      JSON.stringify(desk.visitorTexts(ticket)) ===
        JSON.stringify([messages[2]?.text, "It went to Cluj-Napoca, by the way.", "Are you there?"]),
    desk.visitorTexts(ticket),
  );

  helpdesk.assign(ticket);
  const joined = (await bot.until("handoff.acknowledged")).at(-1);
  for (const { text } of joined?.data.reply ?? []) say("shop", "bot", text);
  helpdesk.writeNote(ticket, NOTE);
  helpdesk.reply(ticket, "Hi Ana. The depot has it: you get it by express today. The new label is attached.", [
    { name: "label.txt", type: "text/plain", bytes: new TextEncoder().encode("EXPRESS 1042 CLUJ") },
  ]);
  const told = (await bot.until("message.created")).at(-1)?.data.message;
  desk.print(ticket);
  say(
    "shop",
    told.authorName,
    [told.text, ...told.attachments.map((file: { name: string }) => `[file: ${file.name}]`)].join("\n"),
  );
  const file = await fetch(told.attachments[0]?.url ?? "");
  check("Ana can open the file that the agent attached", (await file.text()) === "EXPRESS 1042 CLUJ");

  const tries = { id: "b1", role: "bot", text: "Your parcel will be there next week.", epoch: asked.body.epoch };
  const refused = await asBot("POST", "/v1/conversations/c-1042/messages", tries);
  say("baton", "to the bot", `${refused.status} ${refused.body.code}: ${refused.body.title}`);
  check("the bot tries to speak, and is refused", refused.status === 409 && refused.body.code === "human_in_control");

  say("shop", "Ana", "Wonderful, thank you!");
  await visitor("POST", "/v1/conversations/c-1042/messages", { id: "m6", text: "Wonderful, thank you!" });
  await helpdesk.waitFor(() => desk.visitorTexts(ticket).length === 4);
  desk.print(ticket);
  helpdesk.resolve(ticket);
  const ended = (await bot.until("handoff.resolved")).at(-1)?.data;
  desk.print(ticket);
  for (const { text } of ended.reply) say("shop", "bot", text);
  say("baton", "to the bot", ended.guidance);
  const late = await asBot("POST", "/v1/conversations/c-1042/messages", tries);
  check("what the bot wrote before the takeover is refused for good", late.body.code === "stale_turn", late.body);
  const again = { id: "b2", role: "bot", text: "Can I help with anything else?", epoch: ended.epoch };
  const resumed = await asBot("POST", "/v1/conversations/c-1042/messages", again);
  say("shop", "bot", again.text);
  check("the bot has control again", resumed.status === 201 && resumed.body.control === "bot", resumed.body);

  const history = await asBot("GET", "/v1/conversations/c-1042/messages?limit=500");
  const texts = history.body.items.map((message: { text: string }) => message.text);
  check("the private note stayed inside", !JSON.stringify(history.body).includes(NOTE));
  check("no message was lost or doubled", new Set(texts).size === 11 && texts.length === 11, texts);
  await expectNothingOwed(asAdmin);
}

async function lead(stage: Stage): Promise<void> {
  const { helpdesk, bot, asBot, asAdmin } = stage;
  const desk = watch(stage);
  stage.sleepUntil(EVENING);
  chapter("Thursday 21:30. Mihai presses the button, and nobody is there");
  say("shop", "Mihai", "Do you repair lamps that are not yours?");
  say("shop", "bot", "I am sorry, I have no answer to that. Shall I ask a person?");
  const asked = await asBot("POST", "/v1/handoffs", {
    conversation: {
      id: "c-2051",
      locale: "en",
      messages: [
        { id: "m1", role: "visitor", text: "Do you repair lamps that are not yours?" },
        { id: "m2", role: "bot", text: "I am sorry, I have no answer to that. Shall I ask a person?" },
      ],
      products: [PRODUCT],
    },
    trigger: "button",
  });
  tellDecision(asked);
  for (const { text } of asked.body.reply) say("shop", "bot", text);
  const { form } = asked.body;
  for (const field of form.fields)
    say("shop", "form", `${field.label} ${field.required ? "" : `(${form.optionalLabel})`}`);
  say("shop", "form", `[ ] ${form.terms.label}`);
  check("Mihai is told when the team is back", asked.body.reply[0].text.includes("Friday"), asked.body.reply);
  check("the bot keeps control", asked.body.control === "bot");

  const visitor = stage.as(asked.body.visitorToken);
  const submitTo = new URL(form.submitUrl).pathname;
  const wrong = await visitor("POST", submitTo, {
    fields: { name: "Mihai", email: "mihai@" },
    terms: { accepted: false },
  });
  for (const fault of wrong.body.faults) say("shop", fault.path, fault.message);
  check("a wrong form names every fault and keeps nothing", wrong.status === 422 && wrong.body.faults.length === 2);
  const fields = {
    name: "Mihai Pop",
    email: "mihai@example.com",
    phone: "+40 712 345 678",
    issue: "A lamp of my aunt",
  };
  say("shop", "Mihai", `${Object.values(fields).join(", ")} [x] terms`);
  const kept = await visitor("POST", submitTo, { fields, terms: { accepted: true } });
  for (const { text } of kept.body.reply) say("shop", "bot", text);
  check("the lead is kept, with what was agreed to, word for word", kept.body.lead?.consent?.text === form.terms.label);
  await bot.until("lead.captured");

  const ticket = await helpdesk.waitFor(() =>
    helpdesk.conversations().find((id) => helpdesk.contactOf(id)?.email === fields.email),
  );
  await helpdesk.waitFor(() => helpdesk.lines(ticket).some(({ by }) => by === "private note"));
  desk.print(ticket);
  check(
    `the lead stands in ${helpdesk.title}, with its contact`,
    helpdesk.contactOf(ticket)?.phone === "+40712345678",
    helpdesk.contactOf(ticket),
  );

  const held = await asAdmin("GET", "/v1/deliveries?state=held");
  const { mail } = held.body.items[0] ?? {};
  say("mail", "to", mail.to);
  say("mail", "subject", mail.subject);
  say("mail", "text", `${mail.text.split("\n").slice(0, MAIL_LINES).join("\n")}\n…`);
  check(
    "without a mail server the mail is held and shown, not lost",
    mail.text.includes("mihai@example.com"),
    held.body,
  );
  await expectNothingOwed(asAdmin);
}

function tellDecision({ body }: Answer): void {
  const { outcome, because, opensAt } = body.decision;
  const opens = opensAt === null ? "" : `; opens ${opensAt}`;
  say("baton", "decision", `${outcome}, because ${because}${opens}; control: ${body.control}, epoch ${body.epoch}`);
  say("baton", "to the bot", body.guidance);
}

/** Every effect has been brought about; mail without a mail server waits for one. */
async function expectNothingOwed(asAdmin: Stage["asAdmin"]): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { body } = await asAdmin("GET", "/v1/deliveries?limit=200");
    const owed = body.items.filter(({ state }: { state: string }) => state !== "done" && state !== "held");
    if (owed.length === 0) return check("nothing is owed to anybody", true);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  check("nothing is owed to anybody", false, (await asAdmin("GET", "/v1/deliveries?limit=200")).body.items);
}

async function play(name: HelpdeskName): Promise<void> {
  const stage = await setStage(MORNING, name);
  try {
    await connect(stage);
    await live(stage);
    await lead(stage);
    chapter("The end");
    stage.helpdesk.assertNoViolations();
    check("every callback to the bot was signed", stage.bot.refused.length === 0, stage.bot.refused);
    check(`${stage.helpdesk.title} understood every request`, true);
  } finally {
    await stage.strike();
  }
}

function chosen(): HelpdeskName {
  const { values } = parseArgs({ options: { helpdesk: { type: "string", default: "chatwoot" } } });
  const found = HELPDESKS.find((name) => name === values.helpdesk);
  if (found === undefined) throw new Error(`--helpdesk takes one of: ${HELPDESKS.join(", ")}`);
  return found;
}

const startedAt = performance.now();
const late = setTimeout(() => {
  console.error(`\nThe demo did not end within ${LONGEST_MS / 1000} s.`);
  process.exit(1);
}, LONGEST_MS);
try {
  await play(chosen());
  console.log(`\nDone in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
} catch (error) {
  console.error(`\nThe demo failed. ${error instanceof Error ? error.message : String(error)}`);
  if (process.env["DEBUG"]) console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(late);
}
