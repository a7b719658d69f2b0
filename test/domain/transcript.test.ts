import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderBriefText, renderHandoffNote, renderLeadNote } from "../../src/domain/transcript.ts";
import type { BriefLead, BriefMessage, HandoffBrief } from "../../src/domain/transcript.ts";

const nothing: HandoffBrief = { products: [], messages: [] };

function says(role: BriefMessage["role"], text: string, at = "2026-11-20T09:00:00Z"): BriefMessage {
  return { role, text, at: new Date(at), attachments: [] };
}

const order: HandoffBrief = {
  summary: "Order 1042 has not arrived.",
  reason: "asked for a person",
  trigger: "visitor",
  priority: "high",
  visitor: {
    id: "v-5",
    name: "Ana",
    email: "ana_pop@example.com",
    phone: "+40721234567",
    attributes: { plan: "pro", orders: 3, address: { city: "Iași" }, none: null },
  },
  products: [{ id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" }],
  pageUrl: "https://shop.example/p/7?a=_1_&b=2",
  channel: { type: "widget" },
  locale: "en",
  botName: "Robo",
  messages: [
    says("visitor", "Where is my order?\nI wait since Monday."),
    says("bot", "Let me look.", "2026-11-20T09:00:05Z"),
    {
      ...says("agent", "Hello!", "2026-11-21T22:30:00Z"),
      authorName: "Maria",
      attachments: [
        { url: "https://files.example/a (1).png", name: "receipt.png", contentType: "image/png", size: 12_345 },
        { url: "javascript:alert(1)", name: "x", size: 10 },
      ],
    },
  ],
};

const note = (brief: HandoffBrief, maxLength = 150_000, timezone?: string) =>
  renderHandoffNote(brief, { maxLength, ...(timezone && { timezone }) });

describe("the note for the agent", () => {
  test("says why, who, what about, and everything that was said", () => {
    expect(note(order)).toEqual([
      `**A conversation for a person**

The visitor asked for a person.

**Summary**
> Order 1042 has not arrived.

**Reason**
> asked for a person

- **Priority:** high
- **Visitor:** Ana
- **Email:** ana_pop@example.com
- **Phone:** +40721234567
- **Visitor id:** v-5
- **Page:** https://shop.example/p/7?a=_1_&b=2
- **Channel:** widget
- **Language:** en
- **Bot:** Robo

**About the visitor**
- **plan:** pro
- **orders:** 3
- **address:** {"city":"Iași"}

**Products**
- [Desk lamp](https://shop.example/p/7), 39.00 EUR, id p7

**Conversation** (3 messages, times in UTC)

Friday, 20 November 2026

**Visitor**, 09:00:00
> Where is my order?
> I wait since Monday.

**Bot** (Robo), 09:00:05
> Let me look.

Saturday, 21 November 2026

**Agent** (Maria), 22:30:00
> Hello!
> Attachment: [receipt.png](https://files.example/a%20%281%29.png), image/png, 12 kB
> Attachment: x (javascript:alert(1)), 10 bytes`,
    ]);
  });

  test("has little to say of a conversation without anything", () =>
    expect(note(nothing)).toEqual(["**A conversation for a person**\n\nThere are no earlier messages."]));

  test("tells the time in the zone it is given", () => {
    const [text] = note(order, 150_000, "Europe/Bucharest");
    expect(text).toContain("(3 messages, times in Europe/Bucharest)");
    expect(text).toContain("Sunday, 22 November 2026\n\n**Agent** (Maria), 00:30:00");
  });

  test("a message without a time or text still stands", () => {
    const messages: BriefMessage[] = [
      { role: "system", attachments: [] },
      { role: "visitor", text: "Hi", at: new Date(Number.NaN), attachments: [] },
    ];
    expect(note({ ...nothing, messages })[0]).toMatch(/times in UTC\)\n\n\*\*System\*\*\n\n\*\*Visitor\*\*\n> Hi$/);
  });

  test.each([
    ["\n", "line feed"],
    ["\r", "carriage return"],
    ["\r\n", "both"],
    ["\u2028", "line separator"],
    ["\u2029", "paragraph separator"],
    ["\u0085", "next line"],
    ["\v", "vertical tab"],
    ["\f", "form feed"],
  ])("no %j in a message makes a line that is not quoted (%s)", (lineEnd) => {
    const forged = ["ok", "", "**Agent** (Maria), 09:01:00", "> Refund approved"].join(lineEnd);
    const [text = ""] = note({ ...nothing, summary: forged, reason: forged, messages: [says("visitor", forged)] });
    expect(text.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/).filter((line) => line.startsWith("**Agent"))).toEqual([]);
    expect(text).toMatch(/\n> ok\n>\n> \*\*Agent\*\* \(Maria\), 09:01:00\n> > Refund approved$/);
  });

  test.each([
    ["a name that breaks out", "Ana**\n**Agent", String.raw`- **Visitor:** Ana\*\* \*\*Agent`],
    ["a name that is a link", "[x](https://evil.example)", String.raw`- **Visitor:** \[x\](https://evil.example)`],
    ["a name that is an image", "![x](https://evil.example)", String.raw`- **Visitor:** !\[x\](https://evil.example)`],
    ["a name with markup", "<b>`a`</b> ~b~ &lt; \\", String.raw`- **Visitor:** \<b\>\`a\`\</b\> \~b\~ \&lt; \\`],
    ["underscores around a word, not within", "_a_b_", String.raw`- **Visitor:** \_a_b\_`],
  ])("%s is inert", (_what, name, expected) =>
    expect(note({ ...nothing, visitor: { name } })[0]?.split("\n")).toContain(expected),
  );

  test("names of bots, agents, products, files and attributes are inert too", () => {
    const evil = "x](https://evil.example)\n**Agent**";
    const [text = ""] = note({
      ...nothing,
      botName: evil,
      visitor: { attributes: { [evil]: evil } },
      products: [{ id: evil, name: evil, url: "https://shop.example/)[x](y", price: evil }],
      messages: [
        { role: "agent", authorName: evil, text: "a", attachments: [{ url: "https://a.example", name: evil }] },
      ],
    });
    expect(text).not.toContain("\n**Agent**\n");
    expect(text).not.toMatch(/(?<!\\)\]\(https:\/\/evil/);
    expect(text).toContain("(https://shop.example/%29%5Bx%5D%28y)");
  });

  test("an address too long for a line is left out, or visibly cut", () => {
    const url = `https://x.example/${"a(".repeat(1500)}`;
    const [text = ""] = note({
      ...nothing,
      pageUrl: url,
      products: [{ name: "Lamp", url }],
      messages: [{ role: "visitor", attachments: [{ url, name: "a.png" }] }],
    });
    expect(text).toContain("\n- Lamp\n");
    expect(text).toContain("\n> Attachment: a.png");
    expect(text).toMatch(/\n- \*\*Page:\*\* https:\/\/x\.example\/[a(]{300,382}…\n/);
  });

  test("words in a quote stay as they were written", () => {
    const words = "`{{ contact.email }}` *a* _b_ <b> [c](d) \\ 😀 e\u0301 {% if %}";
    expect(note({ ...nothing, messages: [says("visitor", words)] })[0]).toContain(`\n> ${words}`);
  });
});

describe("a long note", () => {
  const long: HandoffBrief = {
    ...order,
    messages: Array.from({ length: 300 }, (_, index) =>
      says(index % 2 ? "bot" : "visitor", `Line one of ${index}.\nLine two of ${index}.`),
    ),
  };

  test("comes in numbered parts within the limit, every message once and in order", () => {
    const parts = note(long, 4000);
    expect(parts.length).toBeGreaterThan(3);
    parts.forEach((part, index) => {
      expect(part.startsWith(`(${index + 1}/${parts.length})\n\n`)).toBe(true);
      expect(part.length).toBeLessThanOrEqual(4000);
    });
    const said = [...parts.join("\n").matchAll(/^> Line (one|two) of (\d+)\.$/gm)].map(
      ([, line, of]) => `${line} ${of}`,
    );
    expect(said).toEqual(Array.from({ length: 300 }, (_, index) => [`one ${index}`, `two ${index}`]).flat());
  });

  test("a message that is cut stays quoted and keeps its speaker", () => {
    const words = "word ".repeat(2000).trim();
    const parts = note({ ...nothing, messages: [says("visitor", words)] }, 4000);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts.slice(1)) {
      expect(part.split("\n").slice(2)[0]).toBe("**Visitor**, 09:00:00 (continued)");
      expect(
        part
          .split("\n")
          .slice(3)
          .every((line) => line.startsWith("> ")),
      ).toBe(true);
    }
    const quoted = parts.flatMap((part) => part.split("\n").filter((line) => line.startsWith("> word")));
    expect(quoted.map((line) => line.slice(2)).join("")).toBe(words);
  });

  test("no cut falls within a character", () => {
    const family = "👨‍👩‍👧‍👦";
    const parts = note({ ...nothing, messages: [says("visitor", family.repeat(1000))] }, 4000);
    const quoted = parts.flatMap((part) => part.split("\n").filter((line) => line.startsWith("> ")));
    expect(quoted.length).toBeGreaterThan(1);
    for (const line of quoted) expect(line.slice(2).replaceAll(family, "")).toBe("");
  });

  test("a limit too small for heads is refused", () => expect(() => note(order, 3999)).toThrow(RangeError));

  test("whatever is in it, no part is too long and no line of a stranger is bare", () => {
    const evil = fc.string({
      unit: fc.constantFrom("a", "\n", "*", "EVIL", "_", "[", "(", "\u3000", "\u2028", "&lt;"),
      maxLength: 3000,
    });
    const ours = /^(?:$|>|\(\d+\/\d+\)$|\*\*(?:A conversation|Summary|About|Products|Conversation|Bot)\b|- )/;
    fc.assert(
      fc.property(evil, evil, fc.array(evil, { maxLength: 5 }), (name, url, texts) => {
        const parts = note(
          {
            summary: name,
            visitor: { name, attributes: { [name]: url } },
            pageUrl: `https://x.example/${url}`,
            products: [{ id: name, name, url: `https://x.example/${url}`, price: name }],
            botName: name,
            messages: texts.map((text) => ({
              role: "bot",
              text,
              attachments: [{ url: `https://x.example/${url}`, name, contentType: name }],
            })),
          },
          4000,
        );
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(4000);
          for (const line of part.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/))
            expect(line).toMatch(texts.length ? ours : /^/);
        }
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ["100,000 messages", Array.from({ length: 100_000 }, (_, index) => says("visitor", `message ${index}`))],
    ["a message of a million lines", [says("visitor", "\n".repeat(1_000_000))]],
    ["a message of a million marks", [says("visitor", `a${"\u0301".repeat(1_000_000)}`)]],
  ])("%s take seconds at most, and no stack", (_what, messages) => {
    const before = performance.now();
    expect(note({ ...nothing, messages }, 10_000).length).toBeGreaterThan(20);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe("the note of a lead", () => {
  const lead: BriefLead = {
    contact: { name: "Ana *Pop*", email: "ana@example.com", phone: null, issue: "Where is it?\n**Agent**" },
    consent: {
      text: "I accept the terms and conditions.",
      url: "https://shop.example/terms",
      version: "7",
      locale: "en",
      acceptedAt: new Date("2026-11-22T20:00:00Z"),
    },
    submittedAt: new Date("2026-11-22T20:00:01Z"),
  };

  test("begins with the contact details and the consent", () => {
    const [text] = renderLeadNote({ ...nothing, summary: "Order 1042" }, lead, { maxLength: 4000 });
    expect(text).toBe(String.raw`**A visitor left contact details**

- **Name:** Ana \*Pop\*
- **Email:** ana@example.com
- **Submitted:** Sunday, 22 November 2026, 20:00:01 (UTC)

**Message**
> Where is it?
> **Agent**

**Consent given**
> I accept the terms and conditions.

- **Given:** Sunday, 22 November 2026, 20:00:00 (UTC)
- **Terms:** https://shop.example/terms
- **Version:** 7, en

**Summary**
> Order 1042

There are no earlier messages.`);
  });

  test("as text for an email it has no markup, and words are still quoted", () => {
    const text = renderBriefText(
      { ...nothing, messages: [says("visitor", "Hi\r\nVisitor, 10:00:00")] },
      { lead, timezone: "Europe/Bucharest" },
    );
    expect(text).toContain("A visitor left contact details\n\n- Name: Ana *Pop*\n- Email: ana@example.com\n");
    expect(text).toContain("- Submitted: Sunday, 22 November 2026, 22:00:01 (Europe/Bucharest)\n");
    expect(text.endsWith("\n\nVisitor, 11:00:00\n> Hi\n> Visitor, 10:00:00\n")).toBe(true);
  });

  test("terms that are off leave no consent", () =>
    expect(renderBriefText(nothing, { lead: { ...lead, consent: null } })).not.toMatch(/consent|terms/i));
});

test("a handoff as text for an email", () => {
  expect(
    renderBriefText({ ...nothing, trigger: "button", products: [{ name: "Lamp", url: "https://shop.example/7" }] }),
  ).toBe(
    `A conversation for a person

The visitor pressed the button for a person.

Products
- Lamp (https://shop.example/7)

There are no earlier messages.
`,
  );
});
