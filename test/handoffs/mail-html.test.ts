import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BriefLead, BriefMessage, HandoffBrief } from "../../src/domain/transcript.ts";
import { renderMailHtml } from "../../src/handoffs/mail-html.ts";
import { markup } from "../../src/handoffs/markup.ts";

const nothing: HandoffBrief = { products: [], messages: [] };

const says = (role: BriefMessage["role"], text: string, at = "2026-11-20T09:00:00Z"): BriefMessage => ({
  role,
  text,
  at: new Date(at),
  attachments: [],
});

const order: HandoffBrief = {
  summary: "Order 1042 has not arrived.",
  reason: "asked for a person",
  trigger: "visitor",
  priority: "high",
  visitor: { id: "v-5", name: "Ana Pop", email: "ana@example.com", phone: "+40721234567", attributes: { plan: "pro" } },
  products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
  pageUrl: "https://shop.example/p/7?a=1&b=2",
  channel: { type: "widget" },
  locale: "en",
  botName: "Robo",
  messages: [
    says("visitor", "Where is my order?\nI wait since Monday."),
    says("bot", "Let me look.", "2026-11-20T09:00:05Z"),
    {
      ...says("agent", "Hello!", "2026-11-20T22:30:00Z"),
      authorName: "Maria",
      attachments: [{ url: "https://files.example/a.png", name: "receipt.png" }],
    },
  ],
};

const lead: BriefLead = {
  contact: { name: "Ana Pop", email: "ana.private@example.com", phone: null, issue: "Call me.\nAfter noon." },
  consent: {
    text: "I agree to be contacted.",
    url: "https://shop.example/terms",
    version: "2026-01",
    locale: "en",
    acceptedAt: new Date("2026-11-20T09:03:00Z"),
  },
  submittedAt: new Date("2026-11-20T09:03:00Z"),
};

const page = { title: "New lead: Ana Pop", workspaceName: "Lamp Shop", brief: order, lead };

/** What a reader sees, a line for each element that holds text. */
function linesOf(html: string): string[] {
  const body = html.slice(html.indexOf("<body"));
  const text = body
    .replace(/<\/?(?:b|bdi|a|span)\b[^>]*>/g, "")
    .replace(/<\/th>/g, ": ")
    .replace(/<th\b[^>]*>|<\/?td\b[^>]*>/g, "")
    .replace(/<[^>]*>/g, "\n");
  return text
    .split("\n")
    .map((line) => line.replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code))).trim())
    .filter((line) => line !== "");
}

const linksOf = (html: string): string[] => [...html.matchAll(/href="([^"]*)"/g)].map((found) => found[1] ?? "");

/** Every tag with its attributes, in order, without what links lead to. */
const tagsOf = (html: string): string[] =>
  [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replace(/href="[^"]*"/, "href"));

/** A page with this text wherever a text can stand. */
const everywhere = (text: string) =>
  renderMailHtml({
    title: text,
    workspaceName: text,
    lead: {
      contact: { name: text, email: text, phone: text, issue: text },
      consent: { text, url: text, version: text, locale: text, acceptedAt: lead.submittedAt },
      submittedAt: lead.submittedAt,
    },
    brief: {
      summary: text,
      reason: text,
      priority: text,
      visitor: { id: text, name: `${text}.`, email: `${text}.`, phone: `${text}.`, attributes: { [text]: text } },
      products: [{ id: text, name: text, url: text, price: text }],
      pageUrl: text,
      channel: { type: text },
      locale: text,
      botName: text,
      messages: [
        { ...says("agent", text), authorName: text, attachments: [{ url: text, name: text }] },
        { ...says("visitor", text), at: new Date(Number.NaN) },
      ],
    },
  });

describe("a mail about a lead", () => {
  test("tells first whom to answer, then what about, and at last what was agreed to", () => {
    expect(linesOf(renderMailHtml({ ...page, timezone: "Europe/Bucharest" }))).toEqual([
      "Lamp Shop",
      "New lead: Ana Pop",
      "Name: Ana Pop",
      "Email: ana.private@example.com",
      "Priority: high",
      "Left: Friday, 20 November 2026, 11:03 (Europe/Bucharest)",
      "Answer this mail to write to them.",
      "Message",
      "Call me.",
      "After noon.",
      "Request",
      "The visitor asked for a person.",
      "Summary",
      "Order 1042 has not arrived.",
      "Reason",
      "asked for a person",
      "Products",
      "Desk lamp shop.example · 39.00 EUR",
      "About the visitor",
      "Email: ana@example.com",
      "Phone: +40721234567",
      "Visitor id: v-5",
      "Page: https://shop.example/p/7?a=1&b=2",
      "Channel: widget",
      "Language: en",
      "Bot: Robo",
      "plan: pro",
      "Conversation",
      "Times in Europe/Bucharest",
      "Friday, 20 November 2026",
      "Visitor Ana Pop, 11:00",
      "Where is my order?",
      "I wait since Monday.",
      "Bot Robo, 11:00",
      "Let me look.",
      "Saturday, 21 November 2026",
      "Agent Maria, 00:30",
      "Hello!",
      "Attachment: receipt.png files.example",
      "Consent given Friday, 20 November 2026, 11:03 (Europe/Bucharest)",
      "I agree to be contacted.",
      "Terms: https://shop.example/terms",
      "Version: 2026-01, en",
    ]);
  });

  test("without an address does not ask to answer the mail, and without consent shows none", () => {
    const contact = { ...lead.contact, email: null, phone: "+40712345678", issue: null };
    const html = renderMailHtml({ ...page, lead: { ...lead, contact, consent: null }, brief: nothing });
    expect(linesOf(html)).toEqual([
      "Lamp Shop",
      "New lead: Ana Pop",
      "Name: Ana Pop",
      "Phone: +40712345678",
      "Left: Friday, 20 November 2026, 09:03 (UTC)",
      "Conversation",
      "There are no earlier messages.",
    ]);
  });
});

test("a mail about a handoff tells who waits and why, and each thing once", () => {
  const lines = linesOf(renderMailHtml({ ...page, title: "Ana Pop is waiting for a person", lead: null }));
  expect(lines.slice(0, 8)).toEqual([
    "Lamp Shop",
    "Ana Pop is waiting for a person",
    "Name: Ana Pop",
    "Email: ana@example.com",
    "Phone: +40721234567",
    "Priority: high",
    "Request",
    "The visitor asked for a person.",
  ]);
  expect(lines.filter((line) => line.startsWith("Email:"))).toHaveLength(1);
  expect(lines).not.toContain("Answer this mail to write to them.");
});

test("a mail about nobody and nothing is still a page", () => {
  const html = renderMailHtml({ title: "A visitor is waiting", workspaceName: "Shop", brief: nothing, lead: null });
  expect(linesOf(html)).toEqual(["Shop", "A visitor is waiting", "Conversation", "There are no earlier messages."]);
});

describe("every program can show it", () => {
  const html = renderMailHtml(page);

  test("light, dark and narrow", () => {
    expect(html).toContain('<meta name="color-scheme" content="light dark">');
    expect(html).toContain("@media (prefers-color-scheme:dark)");
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
    expect(html).toMatch(/max-width:620px/);
    expect(html).not.toMatch(/[^-]width:\d/);
  });

  test("and it loads nothing", () => {
    expect(html).not.toMatch(
      /<(?:img|link|script|iframe|object|video|form|input|base|svg)\b|url\(|@import|\bsrc=|\bon\w+=/i,
    );
  });

  test("right-to-left words stand in their own direction", () => {
    const rtl = renderMailHtml({ ...page, brief: { ...nothing, messages: [says("visitor", "طلب جديد")] } });
    expect(rtl).toMatch(/<div dir="auto"[^>]*>طلب جديد<\/div>/);
  });
});

describe("hostile names and texts stay inert", () => {
  const evil = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></body><h1>Paid</h1>",
    "<!-- ",
    "&lt;b&gt; &#60;b&#62;",
    "\u0000<\u0000b>",
    "\ud83d<b>\udc00",
  ];

  test.each(evil)("%j adds no element and no attribute", (text) => {
    expect(tagsOf(everywhere(text))).toEqual(tagsOf(everywhere("x")));
    expect(everywhere(text)).not.toContain("\u0000");
    expect(everywhere(text).isWellFormed()).toBe(true);
  });

  test("nor does any other text", () => {
    const plain = tagsOf(everywhere("x"));
    const text = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom("<", ">", '"', "'", "&", "=", "/", "-", "!", "`", ";", "#", "x", " "),
          fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
        ),
        minLength: 1,
      })
      .filter((one) => !/[\n\v\f\r\u0085\u2028\u2029]/.test(one) && !URL.canParse(one));
    fc.assert(
      fc.property(text, (one) => {
        expect(tagsOf(everywhere(one))).toEqual(plain);
      }),
    );
  });

  test("what was written is what is read", () => {
    const text = `5 < 6 & "7" > '4' &amp; <b>bold</b>`;
    const html = renderMailHtml({ ...page, brief: { ...nothing, messages: [says("visitor", text)] } });
    expect(linesOf(html)).toContain(text);
  });

  test("a visitor who is called like an agent is still a visitor", () => {
    const message = { ...says("visitor", "Send me the password"), authorName: "Agent Maria, 09:00" };
    const html = renderMailHtml({ ...page, brief: { ...nothing, messages: [message] } });
    expect(linesOf(html)).toContain("Visitor Agent Maria, 09:00, 09:00");
  });

  test("a name cannot turn its surroundings round", () => {
    const html = renderMailHtml({
      ...page,
      title: "a\u202eb",
      lead: { ...lead, contact: { ...lead.contact, name: "x\u202ey\u2066z" } },
    });
    expect(html).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  });
});

const withProduct = (url: string, name = "Lamp") =>
  renderMailHtml({ ...page, lead: null, brief: { ...nothing, products: [{ name, url }] } });

describe("links", () => {
  test("lead to pages, products, files and terms", () => {
    expect(linksOf(renderMailHtml(page))).toEqual([
      "https://shop.example/p/7",
      "https://shop.example/p/7?a=1&#38;b=2",
      "https://files.example/a.png",
      "https://shop.example/terms",
    ]);
  });

  test.each([
    "javascript:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "JAVASCRIPT://shop.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "mailto:ana@example.com",
    "//evil.example",
    "https://bank.example@evil.example/",
    "https://",
    "",
  ])("never lead to %j", (url) => {
    expect(linksOf(withProduct(url))).toEqual([]);
    expect(linesOf(withProduct(url))).toContain("Lamp");
  });

  test("cannot leave their attribute", () => {
    expect(linksOf(withProduct(`https://shop.example/"onclick="x'<b>`))).toEqual([
      "https://shop.example/%22onclick=%22x&#39;%3Cb%3E",
    ]);
  });

  test("show the host, whatever their name pretends", () => {
    expect(linesOf(withProduct("https://evil.example/x", "https://bank.example/login"))).toContain(
      "https://bank.example/login evil.example",
    );
  });
});

test("a template escapes texts in elements and attributes, keeps templates, and leaves nothing for null", () => {
  const inner = markup`<b>${"1 < 2"}</b>`;
  expect(markup`<a title="${`"'<>&\n`}">${inner}${[inner, inner]}${null}</a>`.html).toBe(
    '<a title="&#34;&#39;&#60;&#62;&#38;\n"><b>1 &#60; 2</b><b>1 &#60; 2</b><b>1 &#60; 2</b></a>',
  );
});
