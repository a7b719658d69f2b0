import { describe, expect, test } from "vitest";
import { isOurApp, isOurWebhook, looksPrivate } from "./addresses.ts";
import { versionOf } from "./version.ts";

describe("what a release can do", () => {
  test.each<[string, boolean, boolean, boolean, boolean, boolean]>([
    // gives conversations to bots, signs account webhooks, signs inboxes and bots, refuses private addresses, lets bots read
    ["2.18.0", false, false, false, false, false],
    ["3.9.0", false, false, false, false, false],
    ["4.2.0", false, false, false, false, false],
    ["4.7.9", false, false, false, false, false],
    ["4.8.0", true, false, false, false, false],
    ["4.11.9", true, false, false, false, false],
    ["4.12.0", true, true, false, false, false],
    ["4.13.0", true, true, true, false, false],
    ["v4.13.1", true, true, true, false, false],
    ["4.14.0", true, true, true, true, false],
    ["4.16.2-ee", true, true, true, true, true],
    ["4.100.0", true, true, true, true, true],
    ["5.0", true, true, true, true, true],
    ["10.1.0", true, true, true, true, true],
    ["develop", true, true, true, true, true],
    ["", true, true, true, true, true],
  ])("%s", (text, assignsBots, signsAccountWebhooks, signsInboxes, refusesPrivateAddresses, letsBotsRead) => {
    expect(versionOf(text)).toEqual({
      text,
      assignsBots,
      signsAccountWebhooks,
      signsInboxes,
      tellsBotsStatus: signsInboxes,
      refusesPrivateAddresses,
      letsBotsRead,
    });
  });
});

describe("our own address", () => {
  const place = { connectionId: "con_1" };
  test.each<[string | null, boolean]>([
    ["https://baton.example/webhooks/chatwoot/con_1", true],
    ["https://baton.example/webhooks/chatwoot/con_1/secret", true],
    ["http://old.example:8080/some/path/webhooks/chatwoot/con_1/", true],
    ["https://baton.example/webhooks/chatwoot/con_12", false],
    ["https://baton.example/webhooks/chatwoot/con_2", false],
    ["https://baton.example/webhooks/chatwoot/con_1/secret/more", false],
    ["https://baton.example/?webhooks/chatwoot/con_1", false],
    ["https://webhooks/chatwoot/con_1", false],
    ["not an address", false],
    ["", false],
    [null, false],
  ])("%s: %s", (url, expected) => expect(isOurWebhook(url, place)).toBe(expected));

  test.each<[string, boolean]>([
    ["https://baton.example/apps/chatwoot/con_1", true],
    ["https://old.example/baton/apps/chatwoot/con_1?tab=1", true],
    ["https://baton.example/apps/chatwoot/con_1/more", false],
    ["https://baton.example/webhooks/chatwoot/con_1", false],
  ])("of the tab, %s: %s", (url, expected) => expect(isOurApp(url, place)).toBe(expected));
});

test.each<[string, boolean]>([
  ["https://baton.example.com", false],
  ["https://8.8.8.8", false],
  ["https://172.32.0.1", false],
  ["https://10.example.com", false],
  ["http://localhost:3000", true],
  ["http://127.0.0.1:3000", true],
  ["http://10.0.0.4", true],
  ["http://172.16.0.1", true],
  ["http://192.168.1.2", true],
  ["http://[::1]:3000", true],
  ["http://[2a01:4f8::1]:3000", false],
  ["http://[fd00::1]", true],
  ["http://baton:3000", true],
  ["http://baton.internal", true],
])("%s looks private: %s", (url, expected) => expect(looksPrivate(url)).toBe(expected));
