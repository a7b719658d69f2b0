import { describe, expect, test } from "vitest";
import { readParts } from "./parts.ts";

const said = (message_parts: unknown[], reply_parts: unknown[] | null = null) =>
  readParts({ message_parts, reply_parts, msg_parts: null });
const textOf = (...given: Parameters<typeof said>) => said(...given).text;
const quick = (label: string) => ({ quick_reply_button: { label } });

const card = (title: string, picture: string) => ({
  template_content: {
    type: "carousel_card_default",
    sections: [
      { name: "title", parts: [{ text: { content: title } }] },
      { name: "hero_image", parts: [{ image: { url: picture } }] },
      { name: "callback", parts: [{ url_button: { label: "Look", url: `https://shop.example/${title}` } }] },
    ],
  },
});

describe("what parts say", () => {
  test.each<[string, unknown[], string]>([
    ["texts, in order", [{ text: { content: "one" } }, { text: { content: "two" } }], "one\ntwo"],
    [
      "blank ones not",
      [{ text: { content: " \n" } }, { text: { content: null } }, { text: {} }, { text: { content: "x" } }],
      "x",
    ],
    ["members that are null", [{ text: { content: "Hi" }, image: null, file: null, video: null }], "Hi"],
    [
      "an email as its words",
      [{ email: { subject: "Re: lamp", content: "<p>Hi <b>Ana</b>,</p><p>a < b</p>" } }],
      "Hi Ana,\n\na < b",
    ],
    [
      "a button with an address",
      [{ url_button: { label: "Our shop", url: "https://shop.example" } }],
      "Our shop: https://shop.example",
    ],
    ["one with nothing but an address", [{ url_button: { url: "https://shop.example" } }], "https://shop.example"],
    [
      "one whose label is its address",
      [{ url_button: { label: "https://a.example", url: "https://a.example" } }],
      "https://a.example",
    ],
    ["one that leads nowhere safe", [{ url_button: { label: "Click", url: "javascript:alert(1)" } }], "Click"],
    [
      "choices, numbered",
      [quick("Yes"), quick(" "), { quick_reply_button: { custom_reply_text: "No" } }],
      "1. Yes\n2. No",
    ],
    [
      "labels",
      [{ callback: { label: "Call me", payload: "p" } }, { reference: { label: "Returns", reference_id: "7" } }],
      "Call me\nReturns",
    ],
    [
      "a collection",
      [{ collection: { sub_parts: [{ text: { content: "Which?" } }, quick("A"), quick("B")] } }],
      "Which?\n1. A\n2. B",
    ],
    [
      "a list to choose from",
      [
        {
          template_content: {
            type: "quick_reply_dropdown",
            sections: [{ name: "options", parts: [quick("S"), quick("M")] }],
          },
        },
      ],
      "1. S\n2. M",
    ],
    [
      "kinds that are not known",
      [{ hologram: { content: "x" } }, { constructor: { content: "x" } }, "text", null, 7, [[]]],
      "",
    ],
    [
      "kinds of the wrong kind",
      [{ text: "x" }, { text: [1] }, { collection: { sub_parts: {} } }, { template_content: { sections: [1] } }],
      "",
    ],
    ["control characters cleaned", [{ text: { content: "a\u0000b\ud800" } }], "ab\ufffd"],
  ])("%s", (_what, parts, text) => expect(textOf(parts)).toBe(text));

  test("a carousel is its cards, with their pictures", () => {
    const cards = [card("Desk", "https://shop.example/d.webp"), card("Floor", "https://shop.example/f.jpg")];
    const { text, attachments } = said([
      { template_content: { type: "carousel", sections: [{ name: "carousel", parts: cards }, null] } },
    ]);
    expect(text).toBe("Desk\nLook: https://shop.example/Desk\nFloor\nLook: https://shop.example/Floor");
    expect(attachments.map(({ contentType }) => contentType)).toEqual(["image/webp", "image/jpeg"]);
  });

  test("six levels of parts are read, and no more", () => {
    const within = (levels: number): unknown =>
      levels === 0 ? { text: { content: "deep" } } : { collection: { sub_parts: [within(levels - 1)] } };
    expect(textOf([within(6)])).toBe("deep");
    expect(textOf([within(7)])).toBe("");
  });

  test("answers to choose from come last, numbered on", () => {
    expect(textOf([quick("A")], [{ collection: { sub_parts: [quick("B")] } }])).toBe("1. A\n2. B");
  });

  test("the form of 2018 is read where the newer is not there", () => {
    const msg_parts = [
      { part_type: "text", properties: { text: "Hello" } },
      { part_type: "image", properties: { url: "https://shop.example/a.png" } },
      "x",
    ];
    const old = readParts({ message_parts: null, reply_parts: null, msg_parts });
    expect(old.text).toBe("Hello");
    expect(old.attachments).toHaveLength(1);
  });
});

const file = (fields: object) => said([{ file: fields }]).attachments[0];

describe("files", () => {
  const url = "https://files.shop.example/u/label%20one.pdf";

  test.each<[string, object, object]>([
    [
      "as FreshChat names things",
      { url, name: "l.pdf", content_type: "application/pdf", file_size_in_bytes: 9 },
      { name: "l.pdf", contentType: "application/pdf", size: 9 },
    ],
    [
      "as one bridge does",
      { url, name: "l.pdf", contentType: "application/pdf", file_size_in_bytes: "9" },
      { contentType: "application/pdf", size: 9 },
    ],
    ["without name", { url }, { name: "label one.pdf", contentType: null, size: null }],
    ["with a size that is none", { url, file_size_in_bytes: -1 }, { size: null }],
    [
      "with names of many lines",
      { url, name: "a\r\nb\u202e", content_type: "text/plain\n\nx" },
      { name: "a b", contentType: "text/plain x" },
    ],
    [
      "with long names",
      { url, name: "n".repeat(300), content_type: "t".repeat(300) },
      { name: `${"n".repeat(254)}…`, contentType: `${"t".repeat(126)}…` },
    ],
  ])("%s", (_what, fields, attachment) => expect(file(fields)).toMatchObject({ url, ...attachment }));

  test("videos and sound are files", () => {
    const { attachments } = said([
      { video: { url: "https://files.shop.example/v.mp4", content_type: "video/mp4" } },
      { video: { url: "https://files.shop.example/v.mp3", content_type: "audio/mpeg" } },
    ]);
    expect(attachments.map(({ name, contentType }) => [name, contentType])).toEqual([
      ["v.mp4", "video/mp4"],
      ["v.mp3", "audio/mpeg"],
    ]);
  });

  test.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://a/b",
    "//a/b",
    "x",
    `https://a.example/${"x".repeat(3_000)}`,
  ])("%.30s is no address of one", (bad) =>
    expect(said([{ file: { url: bad, name: "x" } }])).toEqual({ text: "", attachments: [], waiting: [] }),
  );

  test("without address are waited for, by name", () => {
    expect(said([{ file: { name: "a.pdf", url: null } }, { image: {} }, { file: { url: " " } }]).waiting).toEqual([
      "a.pdf",
      "image",
      "file",
    ]);
  });

  test("beyond fifteen are lines with their address", () => {
    const many = Array.from({ length: 17 }, (_, i) => ({ file: { url: `https://a.example/${i}`, name: `f${i}` } }));
    const { text, attachments } = said(many);
    expect(attachments).toHaveLength(15);
    expect(text).toBe("f15: https://a.example/15\nf16: https://a.example/16");
  });
});
