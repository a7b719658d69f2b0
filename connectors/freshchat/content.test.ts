import { describe, expect, test } from "vitest";
import { digestOf, isSameContent } from "./content.ts";

const text = (content: string) => ({ text: { content } });
const image = { image: { url: "https://files.freshchat.example/kept/1" } };
const lamp = { url: "https://shop.example/lamp.png", name: "lamp.png", contentType: "image/png", size: 9 };

describe("a message that was read back", () => {
  test.each([
    ["the same words", "Hello", "Hello", true],
    ["without white space at the ends", "  Hello \n", "Hello", true],
    ["with other line ends", "a\r\nb\rc", "a\nb\nc", true],
    ["with entities", `<b> & "it's"`, "&lt;b&gt; &amp; &quot;it&#39;s&quot;", true],
    ["with entities that the visitor typed, written as entities", "&lt; &amp;", "&amp;lt; &amp;amp;", true],
    ["with entities that were undone", "a &amp; b", "a & b", true],
    ["in other case", "Hello", "hello", false],
    ["with white space inside", "a b", "a  b", false],
    ["with more", "Hello", "Hello!", false],
    ["with less", "Hello you", "Hello", false],
  ])("%s", (_what, ours, theirs, isSame) => {
    expect(isSameContent([text(theirs)], { text: ours, attachments: [] })).toBe(isSame);
  });

  test.each([
    ["a file where there was none", [text("See"), image], "See", [], false],
    ["a file kept elsewhere", [text("See"), image], "See", [lamp], true],
    ["a file that became a link", [text("See\nlamp.png: https://shop.example/lamp.png")], "See", [lamp], true],
    ["a file alone", [image], "", [lamp], true],
    ["the words without their file", [text("See")], "See", [lamp], false],
    ["a link to something else", [text("See\nhttps://other.example/x")], "See", [lamp], false],
    ["other words with the file", [text("Look"), image], "See", [lamp], false],
    ["a link that the visitor wrote", [text("https://a.example")], "https://b.example", [], false],
  ])("%s", (_what, parts, words, attachments, isSame) => {
    expect(isSameContent(parts, { text: words, attachments })).toBe(isSame);
  });
});

describe("the mark of a conversation's first words", () => {
  test("is the same with links below and entities, and another for other words", () => {
    expect(digestOf("See &lt;this&gt;\nlamp.png: https://shop.example/lamp.png")).toBe(digestOf("See <this>"));
    expect(digestOf("See this")).not.toBe(digestOf("See that"));
  });

  test("does not hold them", () => expect(digestOf("secret")).toMatch(/^[\w-]{22}$/));
});
