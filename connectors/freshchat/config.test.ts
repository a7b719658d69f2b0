import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { ZodError } from "zod";
import { describe, expect, test } from "vitest";
import { configSchema, hostFields, normaliseBaseUrl, parseConfig, secretFields } from "./config.ts";

const given = { baseUrl: "https://acme-123.freshchat.com", apiToken: "tok_1" };
const usual = {
  ...given,
  webhookPublicKey: null,
  channelId: null,
  groupId: null,
  conversationProperties: {},
  agentId: null,
  appId: null,
  eventsVia: "webhook",
  loggedInOnly: false,
  businessHours: "follow",
  installedWith: null,
};

function faultsOf(config: unknown): string[] {
  try {
    parseConfig(config);
  } catch (error) {
    if (error instanceof ZodError) return error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw error;
  }
  return [];
}

describe("what an admin sets for FreshChat", () => {
  test("the least is an address and a token", () => expect(parseConfig(given)).toEqual(usual));

  test("blanks around a pasted value are dropped, and an empty one is none", () => {
    const config = parseConfig({
      ...given,
      apiToken: " Bearer tok_1\n",
      webhookPublicKey: "  ",
      channelId: " c-1 ",
      groupId: "",
      agentId: "  ",
    });
    expect(config).toEqual({ ...usual, channelId: "c-1" });
  });

  test("what was stored is read again as it is", () => {
    const whole = {
      ...given,
      channelId: "c-1",
      groupId: "g-1",
      conversationProperties: { cf_source: "Baton {{handoffId}} {{ locale }}", cf_vip: true, cf_score: 1.5 },
      agentId: "a-1",
      appId: "app-1",
      eventsVia: "app",
      loggedInOnly: true,
      businessHours: "ignore",
      installedWith: "tok_9",
    };
    const config = parseConfig(whole);
    expect(config).toEqual({ ...whole, webhookPublicKey: null });
    expect(parseConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  test("every fault is told at once, without repeating a secret", () => {
    const faults = faultsOf({
      baseUrl: "https://acme.freshworks.com/admin",
      apiToken: "two words",
      webhookPublicKey: "not a key",
      channelId: "our web site",
      conversationProperties: { source: "x", cf_a: "{{secret}}", cf_b: [] },
      eventsVia: "mail",
      loggedInOnly: "yes",
      businessHours: "maybe",
      token: 1,
    });
    expect(faults).toEqual([
      "baseUrl: that is the page of the admin console; paste the chat URL shown beside the API token, such as https://acme-123.freshchat.com",
      "apiToken: must not contain spaces, line ends or letters outside ASCII",
      expect.stringMatching(/^webhookPublicKey: is no public key: copy the public key that FreshChat shows/),
      "channelId: must be the id of a channel, not its name: an id holds no spaces",
      expect.stringMatching(/^conversationProperties.source: /),
      expect.stringMatching(/^conversationProperties.cf_a: may hold only these placeholders: \{\{handoffId\}\} /),
      expect.stringMatching(/^conversationProperties.cf_b: must be text, a number, true or false/),
      "eventsVia: must be webhook or app",
      "loggedInOnly: must be true or false",
      "businessHours: must be follow or ignore",
      expect.stringContaining("token"),
    ]);
    expect(faults.join()).not.toContain("two words");
  });

  test.each([
    ["nothing", undefined],
    ["text", "https://acme-123.freshchat.com"],
    ["a list", [given]],
    ["an address that is no text", { ...given, baseUrl: 5 }],
    ["no address", { apiToken: "tok_1" }],
    ["no token", { baseUrl: given.baseUrl }],
    ["an empty token", { ...given, apiToken: "  " }],
    ["a token that is only the word before it", { ...given, apiToken: "Bearer " }],
    ["custom fields that are none", { ...given, conversationProperties: { priority: "High" } }],
    ["custom fields as a list, which FreshChat refuses", { ...given, conversationProperties: [{ name: "cf_a" }] }],
  ])("%s is refused", (_what, config) => expect(faultsOf(config)).not.toEqual([]));

  test("no field reaches a prototype", () => {
    const config = JSON.parse(`{"conversationProperties":{"__proto__":{"polluted":true}}}`) as object;
    faultsOf({ ...given, ...config });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("the form, the secrets and the manifest name the same fields, each in words", () => {
    const fields = Object.keys(usual);
    const manifest = JSON.parse(readFileSync(new URL("manifest.json", import.meta.url), "utf8")) as Record<
      string,
      unknown
    >;
    expect(Object.keys(configSchema["properties"] as object).toSorted()).toEqual(fields.toSorted());
    expect((manifest["settings"] as string[]).toSorted()).toEqual(fields.toSorted());
    expect(manifest["secrets"]).toEqual([...secretFields]);
    expect(configSchema).toMatchObject({ type: "object", additionalProperties: false });
    expect(configSchema["required"]).toEqual(["baseUrl", "apiToken"]);
    expect(configSchema["properties"]).toMatchObject({ apiToken: { writeOnly: true, format: "password" } });
    for (const field of Object.values(configSchema["properties"] as Record<string, Record<string, unknown>>)) {
      expect(field["title"]).toEqual(expect.any(String));
      expect(field["description"]).toEqual(expect.any(String));
    }
    expect(hostFields).toEqual(["baseUrl"]);
  });
});

describe("the address of an account", () => {
  test.each([
    ["https://acme-123.freshchat.com", "https://acme-123.freshchat.com"],
    ["  https://acme-123.freshchat.com/\n", "https://acme-123.freshchat.com"],
    ["acme-123.freshchat.com", "https://acme-123.freshchat.com"],
    ["//acme-123.freshchat.com/v2", "https://acme-123.freshchat.com"],
    ["ACME-123.FreshChat.com/v2/", "https://acme-123.freshchat.com"],
    ["https://acme-123.freshchat.com/api/v2/conversations?page=1#top", "https://acme-123.freshchat.com"],
    ["https://acme-123.freshchat.com/a/1234/inbox/0/0/conversation/5", "https://acme-123.freshchat.com"],
    ["https://acme.myfreshworks.com/crm/messaging/a/1", "https://acme.myfreshworks.com"],
    ["https://api.eu.freshchat.com/v2", "https://api.eu.freshchat.com"],
    ["https://acme-123.freshchat.com:443/v2", "https://acme-123.freshchat.com"],
    ["https://acme-123.freshchat.com./", "https://acme-123.freshchat.com"],
    ["http://127.0.0.1:4100/v2", "http://127.0.0.1:4100"],
    ["https://localhost:8443", "https://localhost:8443"],
    ["http://[::1]:4100/v2/", "http://[::1]:4100"],
    ["http://127.1:80/", "http://127.0.0.1"],
  ])("%s is taken as %s", (text, expected) => expect(normaliseBaseUrl(text)).toBe(expected));

  test.each([
    ["", "must not be empty"],
    ["   ", "must not be empty"],
    ["our chat", "must be one address"],
    ["https://", "is no address"],
    ["ftp://acme-123.freshchat.com", "is no address"],
    ["javascript://acme-123.freshchat.com", "is no address"],
    ["https://ann:pw@acme-123.freshchat.com", "user name or password"],
    ["https://acme-123.freshchat.com@evil.example", "user name or password"],
    ["http://acme-123.freshchat.com", "must begin with https://"],
    ["https://acme-123.freshchat.com:8443", "must not name a port"],
    ["https://acme.freshworks.com/admin", "page of the admin console"],
    ["https://acme.freshdesk.com", "another product of Freshworks"],
    ["https://msdk.eu.freshchat.com", "host of the mobile SDK"],
    ["https://wchat.freshchat.com", "chat widget"],
    ["https://freshchat.com", "web site"],
    ["https://myfreshworks.com/", "web site"],
    ["https://support.freshchat.com/en/support", "help site"],
    ["https://chat.example.com", "must end in .freshchat.com or .myfreshworks.com"],
    ["https://evilfreshchat.com", "must end in"],
    ["https://acme.freshchat.com.evil.example", "must end in"],
    ["https://evil.example/acme.freshchat.com", "must end in"],
    ["https://evil.example#.freshchat.com", "must end in"],
    ["https://evil.example\\.freshchat.com", "must end in"],
    ["https://acme..freshchat.com", "must end in"],
    ["http://10.0.0.7", "must end in"],
    ["http://169.254.169.254/latest", "must end in"],
    ["http://128.0.0.1", "must end in"],
    ["http://localhost.evil.example", "must end in"],
  ])("%s is refused: %s", (baseUrl, words) => {
    expect(normaliseBaseUrl(baseUrl)).toBeNull();
    expect(faultsOf({ ...given, baseUrl })).toEqual([expect.stringContaining(words)]);
  });

  test("whatever is pasted, a token goes to the vendor or to this machine, and reading twice changes nothing", () => {
    const hosts = ["acme.freshchat.com", "evil.example", "127.0.0.1", "localhost", "[::1]", "user@acme.freshchat.com"];
    const piece = fc.oneof(
      fc.constantFrom(...hosts, "https://", "http://", "//", "/v2", "\\", "@", "#", "?", ":", ".", "%2e", "%00", "\t"),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
        (text) => {
          const url = normaliseBaseUrl(text);
          if (url === null) return;
          expect(url).toMatch(
            /^(?:https:\/\/[a-z\d.-]+\.(?:freshchat|myfreshworks)\.com|https?:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?)$/,
          );
          expect(normaliseBaseUrl(url)).toBe(url);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
