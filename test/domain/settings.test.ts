import { describe, expect, test } from "vitest";
import { DEFAULT_SETTINGS, HandoffSettings } from "../../src/domain/settings.ts";

/** Where each fault is: the path, with the name of an unknown field at its end. */
function faultPaths(given: unknown): string[] {
  const { error } = HandoffSettings.safeParse(given);
  const paths = (error?.issues ?? []).flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  );
  return paths.map((path) => path.map(String).join(".")).toSorted();
}

describe("settings of a bot that set nothing", () => {
  test("are complete: the defaults of design.md section 2", () => {
    const { instruction, ...others } = HandoffSettings.parse({});
    expect(others).toEqual({
      enabled: true,
      trigger: "both",
      destinations: [{ id: "inbox", team: null, priority: null, labels: [] }],
      agentsAvailable: true,
      neverAvailable: false,
      schedule: null,
      presence: null,
      pauseBot: "on_request",
      queueLimit: 0,
      acceptWithinSeconds: 300,
      idleMinutes: 0,
      contactForm: "offline",
      form: { name: "required", email: "required", issue: "optional", phone: "optional" },
      terms: { enabled: true, url: null },
      agentLabel: null,
      messages: {},
      notify: { email: [], whatsapp: [], slack: [] },
    });
    expect(instruction).toMatch(/when the visitor asks for a person/);
    expect(DEFAULT_SETTINGS).toEqual({ instruction, ...others });
  });

  test("are each bot's own: changing one changes no other", () => {
    const one = HandoffSettings.parse({});
    one.destinations.pop();
    one.notify.email.push("team@example.com");
    one.form.phone = "off";
    expect(HandoffSettings.parse({})).toMatchObject({
      destinations: [{ id: "inbox" }],
      notify: { email: [] },
      form: { phone: "optional" },
    });
  });
});

describe("settings that are set", () => {
  test("keep what was given, and the rest its default", () => {
    const settings = HandoffSettings.parse({
      trigger: "auto",
      presence: "ignore",
      pauseBot: "on_accept",
      queueLimit: 100_000,
      acceptWithinSeconds: 0,
      idleMinutes: 10_080,
      contactForm: "always",
      form: { phone: "required" },
      terms: { enabled: false },
      agentLabel: "  The team ",
      messages: { "pt-BR": { custom: "Até já, {{name}}" } },
      notify: { email: ["team@example.com"], whatsapp: ["+40712345678"], slack: ["https://hooks.example/T0/B0"] },
      schedule: { timezone: "Europe/Bucharest", weekly: { monday: { slots: [{ start: "09:00", end: "24:00" }] } } },
    });
    expect(settings).toMatchObject({
      enabled: true,
      trigger: "auto",
      presence: "ignore",
      pauseBot: "on_accept",
      queueLimit: 100_000,
      acceptWithinSeconds: 0,
      idleMinutes: 10_080,
      contactForm: "always",
      form: { name: "required", email: "required", issue: "optional", phone: "required" },
      terms: { enabled: false, url: null },
      agentLabel: "The team",
      messages: { "pt-BR": { custom: "Até já, {{name}}" } },
      schedule: {
        timezone: "Europe/Bucharest",
        weekly: { monday: { enabled: true, slots: [{ start: "09:00", end: "24:00" }] } },
        overrides: [],
      },
    });
  });

  test("read again as stored, they are the same", () => {
    const settings = HandoffSettings.parse({
      destinations: ["con_1", { id: "inbox", team: 4, labels: ["vip"] }],
      schedule: { timezone: "Asia/Tokyo" },
    });
    expect(HandoffSettings.parse(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
  });
});

describe("destinations", () => {
  test.each([
    ["an id alone", "con_1", { id: "con_1", team: null, priority: null, labels: [] }],
    ["an object with an id", { id: "con_1" }, { id: "con_1", team: null, priority: null, labels: [] }],
    ["a team's number", { id: "con_1", team: 4 }, { id: "con_1", team: "4", priority: null, labels: [] }],
    ["a team's name", { id: "con_1", team: "Sales" }, { id: "con_1", team: "Sales", priority: null, labels: [] }],
    [
      "a team before a group",
      { id: "con_1", team: "Sales", group: "Other" },
      { id: "con_1", team: "Sales", priority: null, labels: [] },
    ],
    [
      "a group where the team is null",
      { id: "con_1", team: null, group: "Sales" },
      { id: "con_1", team: "Sales", priority: null, labels: [] },
    ],
    [
      "priority and labels",
      { id: "con_1", priority: "urgent", labels: [" vip ", "shop"] },
      { id: "con_1", team: null, priority: "urgent", labels: ["vip", "shop"] },
    ],
    [
      "all of it null",
      { id: "con_1", team: null, group: null, priority: null },
      { id: "con_1", team: null, priority: null, labels: [] },
    ],
  ])("%s", (_what, given, expected) => {
    expect(HandoffSettings.parse({ destinations: [given] }).destinations).toEqual([expected]);
  });

  // Known fault: the group is dropped unless `team` is there too. Make it an ordinary test with the fix.
  test("a group alone", () => {
    const { destinations } = HandoffSettings.parse({ destinations: [{ id: "con_1", group: 7 }] });
    expect(destinations).toEqual([{ id: "con_1", team: "7", priority: null, labels: [] }]);
  });

  test("keep their order", () => {
    const { destinations } = HandoffSettings.parse({ destinations: ["con_2", { id: "inbox" }, "con_1"] });
    expect(destinations.map((one) => one.id)).toEqual(["con_2", "inbox", "con_1"]);
  });

  test.each([
    ["none", [], ["destinations"]],
    ["one twice", ["inbox", "con_1", "inbox"], ["destinations"]],
    ["one twice, in both forms", ["inbox", { id: "inbox", team: 4 }], ["destinations"]],
    ["eleven", Array.from({ length: 11 }, (_, n) => `con_${n}`), ["destinations"]],
    ["no id", [{ team: 4 }], ["destinations.0"]],
    ["a number", ["inbox", 5], ["destinations.1"]],
    ["an unknown field", [{ id: "con_1", tema: 4 }], ["destinations.0.tema"]],
    ["not a list", "inbox", ["destinations"]],
  ])("%s is refused", (_what, destinations, paths) => {
    expect(faultPaths({ destinations })).toEqual(paths);
  });
});

describe("faults", () => {
  test("are reported all at once, each with its path", () => {
    const given = {
      enabled: "yes",
      trigger: "sometimes",
      instruction: "x".repeat(4_001),
      destinations: ["inbox", "inbox"],
      neverAvailable: 1,
      schedule: { timezone: "+02:00", weekly: { funday: {} }, overrides: [{ date: "2026-02-30", slots: [] }] },
      presence: "maybe",
      queueLimit: -1,
      acceptWithinSeconds: 1.5,
      idleMinutes: 10_081,
      form: { name: "perhaps", fax: "required" },
      terms: { url: "javascript:alert(1)" },
      agentLabel: " ",
      messages: { en: { offlin: "Back soon" } },
      notify: { email: ["nobody"], whatsapp: ["0712345678"], slack: ["ftp://hooks.example"], pager: [] },
      colour: "blue",
    };
    expect(faultPaths(given)).toEqual([
      "acceptWithinSeconds",
      "agentLabel",
      "colour",
      "destinations",
      "enabled",
      "form.fax",
      "form.name",
      "idleMinutes",
      "instruction",
      "messages.en.offlin",
      "neverAvailable",
      "notify.email.0",
      "notify.pager",
      "notify.slack.0",
      "notify.whatsapp.0",
      "presence",
      "queueLimit",
      "schedule.overrides.0.date",
      "schedule.timezone",
      "schedule.weekly.funday",
      "terms.url",
      "trigger",
    ]);
  });

  test.each([
    ["queueLimit", [0, 100_000], [-1, 100_001, 0.5, "3", null]],
    ["acceptWithinSeconds", [0, 300, 86_400], [-1, 86_401, 1.5, null]],
    ["idleMinutes", [0, 10_080], [-1, 10_081, Number.NaN]],
    ["agentLabel", [null, "A", "x".repeat(100)], ["", "   ", "x".repeat(101), 5]],
    ["instruction", ["", "x".repeat(4_000)], ["x".repeat(4_001), null]],
    ["presence", [null, "require", "ignore"], ["", "required", true]],
    ["pauseBot", ["on_request", "on_accept"], ["never", null]],
    ["contactForm", ["offline", "always", "never"], ["sometimes", null]],
    ["enabled", [true, false], ["true", 1, null]],
    ["schedule", [null, { timezone: "UTC" }], [{}, "always"]],
  ])("%s takes its range and nothing else", (field, accepted, refused) => {
    for (const value of accepted) expect([value, faultPaths({ [field]: value })]).toEqual([value, []]);
    for (const value of refused) expect([value, faultPaths({ [field]: value }).length]).toEqual([value, 1]);
  });

  test.each([
    ["a list", []],
    ["nothing", null],
    ["text", "{}"],
    ["a number", 5],
  ])("%s is no settings", (_what, given) => {
    expect(faultPaths(given)).toEqual([""]);
  });

  test("a field that is an object's own trick changes nothing", () => {
    const given: unknown = JSON.parse('{"__proto__": {"enabled": false}, "constructor": {}}');
    expect(HandoffSettings.safeParse(given).success).toBe(false);
    expect(({} as { enabled?: unknown }).enabled).toBeUndefined();
  });
});
