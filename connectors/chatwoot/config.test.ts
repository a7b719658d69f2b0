import { readFileSync } from "node:fs";
import { ZodError } from "zod";
import { describe, expect, test } from "vitest";
import { configSchema, hostFields, parseConfig, secretFields } from "./config.ts";

/** What the install sets, before it has run. */
const unset = {
  webhookSecret: null,
  botInboxIds: [],
  agentBotId: null,
  agentBotToken: null,
  agentBotSecret: null,
  botId: null,
  accountWebhookSecret: null,
};
const given = { baseUrl: "https://chat.example.com", accountId: 3, inboxId: 21, apiAccessToken: "tok_1" };

function faultsOf(config: unknown): string[] {
  try {
    parseConfig(config);
  } catch (error) {
    if (error instanceof ZodError) return error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw error;
  }
  return [];
}

describe("what an admin sets for Chatwoot", () => {
  test("the least is an address, the account, the inbox and a token", () => {
    expect(parseConfig(given)).toEqual({ ...given, ...unset });
  });

  test("numbers may come as text, and blanks around a pasted value are dropped", () => {
    const config = parseConfig({
      ...given,
      accountId: " 3 ",
      inboxId: "21",
      apiAccessToken: " tok_1\n",
      webhookSecret: " s ",
    });
    expect(config).toEqual({ ...given, ...unset, webhookSecret: "s" });
  });

  test.each([
    ["https://chat.example.com/", "https://chat.example.com"],
    ["https://chat.example.com/support/", "https://chat.example.com/support"],
    ["https://chat.example.com/support/app/accounts/9/dashboard", "https://chat.example.com/support"],
    ["https://chat.example.com/app/login", "https://chat.example.com"],
    ["http://127.0.0.1:3000/api/v1/accounts/3/inboxes?page=2#top", "http://127.0.0.1:3000"],
    ["https://apple.example.com/application", "https://apple.example.com/application"],
  ])("the address %s is taken as %s", (baseUrl, expected) => {
    expect(parseConfig({ ...given, baseUrl }).baseUrl).toBe(expected);
  });

  test("the bot that answers is named by its id, or not at all", () => {
    expect(parseConfig({ ...given, botId: " bot_01kb3 " }).botId).toBe("bot_01kb3");
    expect(parseConfig({ ...given, botId: "" }).botId).toBeNull();
  });

  test("the account and the inbox are read from a pasted address, unless they are set", () => {
    const { accountId: _, inboxId: __, ...rest } = given;
    const baseUrl = "https://chat.example.com/app/accounts/7/settings/inboxes/12";
    expect(parseConfig({ ...rest, baseUrl })).toMatchObject({ accountId: 7, inboxId: 12 });
    expect(parseConfig({ ...given, baseUrl })).toMatchObject({ accountId: 3, inboxId: 21 });
    const conversation = "https://chat.example.com/app/accounts/7/inbox/12/conversations/5";
    expect(parseConfig({ ...rest, baseUrl: conversation })).toMatchObject({ accountId: 7, inboxId: 12 });
  });

  test("account and inbox may be left out, or left empty in a form, until the install has found or made them", () => {
    const least = { baseUrl: given.baseUrl, apiAccessToken: given.apiAccessToken };
    const expected = { ...least, ...unset, accountId: null, inboxId: null };
    expect(parseConfig(least)).toEqual(expected);
    expect(parseConfig({ ...least, accountId: " ", inboxId: "", agentBotId: null, botInboxIds: "" })).toEqual(expected);
    expect(configSchema["required"]).toEqual(["baseUrl", "apiAccessToken"]);
  });

  test.each<[string, unknown, readonly number[]]>([
    ["a list", [3, "5"], [3, 5]],
    ["text with commas", "3, 5", [3, 5]],
    ["text with blanks", " 3 5 ", [3, 5]],
    ["the same one twice", [5, 3, 5], [5, 3]],
    ["null", null, []],
  ])("inboxes of the bot as %s", (_what, botInboxIds, expected) => {
    expect(parseConfig({ ...given, botInboxIds }).botInboxIds).toEqual(expected);
  });

  test("every fault is told at once, without repeating a secret", () => {
    const faults = faultsOf({
      baseUrl: "chat.example.com",
      accountId: 0,
      inboxId: "x",
      apiAccessToken: "two words",
      token: 1,
    });
    expect(faults).toEqual([
      "baseUrl: must begin with https:// (or http://)",
      "accountId: must be a whole number such as 3",
      "inboxId: must be a whole number such as 3",
      "apiAccessToken: must not contain spaces, line ends or letters outside ASCII",
      expect.stringContaining("token"),
    ]);
    expect(faults.join()).not.toContain("two words");
  });

  test.each([
    ["nothing", undefined],
    ["text", "https://chat.example.com"],
    ["a list", [given]],
    ["an address that is no text", { ...given, baseUrl: 5 }],
    ["a password in the address", { ...given, baseUrl: "https://ann:pw@chat.example.com" }],
    ["another scheme", { ...given, baseUrl: "ftp://chat.example.com" }],
    ["inboxes of the bot in words", { ...given, botInboxIds: "support" }],
    ["a bot of Chatwoot for the one of Baton", { ...given, botId: "7" }],
    ["an empty token", { ...given, apiAccessToken: "  " }],
  ])("%s is refused", (_what, config) => expect(faultsOf(config)).not.toEqual([]));

  test("the form, the secrets and the manifest name the same fields", () => {
    const fields = ["baseUrl", "accountId", "inboxId", "apiAccessToken", "webhookSecret", "botInboxIds"];
    fields.push("botId", "agentBotId", "agentBotToken", "agentBotSecret", "accountWebhookSecret");
    const manifest = JSON.parse(readFileSync(new URL("manifest.json", import.meta.url), "utf8")) as Record<
      string,
      unknown
    >;
    expect(Object.keys(configSchema["properties"] as object)).toEqual(fields);
    expect(manifest["settings"]).toEqual(fields);
    expect(manifest["secrets"]).toEqual([...secretFields]);
    expect(configSchema).toMatchObject({ type: "object", additionalProperties: false });
    for (const secret of secretFields) {
      expect(configSchema["properties"]).toMatchObject({ [secret]: { writeOnly: true } });
    }
    expect(hostFields).toEqual(["baseUrl"]);
  });
});
