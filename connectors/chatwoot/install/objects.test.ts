import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CONVERSATION_ATTRIBUTE, HANDOFF_ATTRIBUTE } from "../conversation.ts";
import { objects } from "./objects.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const keysOf = (model: "conversation" | "contact"): string[] =>
  objects.attributes.filter((one) => one.model === model).map(({ key }) => key);

describe("what the install makes", () => {
  test("is published as it is: copy connectors/chatwoot/install/objects.json into manifest/chatwoot when this fails", () => {
    expect(read("../../../manifest/chatwoot/objects.json")).toBe(read("objects.json"));
  });

  test("is told on the listing's page, all of it", () => {
    const listing = read("../../../manifest/chatwoot/listing.md");
    const names = [
      objects.inbox.name,
      objects.agentBot.name,
      objects.dashboardApp.title,
      ...objects.accountWebhook.subscriptions,
      ...objects.labels.map(({ title }) => title),
      ...objects.attributes.map(({ key }) => key),
    ];
    expect(names.filter((name) => !listing.includes(`\`${name}\``))).toEqual([]);
  });

  test("defines every attribute that the connector writes", () => {
    expect(keysOf("conversation")).toEqual([HANDOFF_ATTRIBUTE, CONVERSATION_ATTRIBUTE]);
    const written = [
      ...read("../lead.ts").matchAll(/^ {4}(lead_\w+):/gm),
      ...read("../contact.ts").matchAll(/"(\w+_as_given)"/g),
    ];
    expect(written.length).toBeGreaterThan(5);
    expect(keysOf("contact").toSorted()).toEqual([...new Set(written.map((match) => match[1] ?? ""))].toSorted());
  });

  test("defines the label that the connector sets", () => {
    expect(read("../lead.ts")).toContain(`LEAD_LABEL = "${objects.labels[0]?.title}"`);
  });

  test("keeps words apart that tell our definitions from those of others", () => {
    const words = [...objects.labels, ...objects.attributes].map(({ description }) => description);
    expect(words.filter((text) => !text.endsWith("Made by Baton's install."))).toEqual([]);
    expect(new Set(words).size).toBe(words.length);
  });
});
