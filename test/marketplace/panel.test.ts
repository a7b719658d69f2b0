import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { accessibilityFaults, hasChromium, launchChromium } from "../browser/chromium.ts";
import type { Browser, Look } from "../browser/chromium.ts";
import { openPanel } from "./panel-page.ts";
import type { Situation } from "./panel-page.ts";
import type { TransportAnswer } from "./sandbox.ts";

/** The panel beside a conversation, in a real browser. */
const CONVERSATION = "f1e2d3c4-0001-4a00-8000-00000000c981";
const json = (status: number, body: unknown): TransportAnswer => ({ status, body: JSON.stringify(body) });
const problem = (status: number) => json(status, { code: "any", title: "No", detail: "No" });

const handoff = {
  id: "hnd_1",
  status: "acknowledged",
  mode: "live",
  reason: "asked for a person",
  priority: "high",
  createdAt: "2026-11-20T09:00:00Z",
  acceptedAt: "2026-11-20T09:01:30Z",
};
const view = {
  handoff,
  control: "human",
  visitor: {
    name: "Ana Ionescu",
    email: "ana@example.com",
    phone: "+40 700 000 001",
    attributes: { plan: "pro", "Loyalty card": "no" },
  },
  summary: "Order 1042 has not arrived.\nShe wants it before Friday, or her money back.",
  pageUrl: "https://lampshop.example/orders/1042?from=newsletter&utm_campaign=autumn-desk-lamps-and-more",
  products: [
    { name: "Desk lamp", url: "https://lampshop.example/p/7", price: "39.00 EUR" },
    { name: "Bulb E27, warm white, pack of ten", url: "https://lampshop.example/p/8", price: "12.50 EUR" },
  ],
  lead: {
    contact: { name: "Ana Ionescu", email: "ana@example.com", phone: null, issue: "Where is order 1042?" },
    consent: {
      agreedAt: "2026-11-20T08:58:00Z",
      text: "I agree to be contacted about my request.",
      url: "https://lampshop.example/terms",
    },
  },
  url: "https://baton.lampshop.example/console/handoffs/hnd_1",
  canReturn: true,
};
const bare = {
  handoff: { ...handoff, reason: null, priority: null, acceptedAt: null, status: "pending" },
  control: "bot",
  visitor: { name: null, email: null, phone: null, attributes: {} },
  summary: null,
  pageUrl: null,
  products: [],
  lead: null,
  url: "https://baton.lampshop.example/console/handoffs/hnd_2",
  canReturn: false,
};
const situation = (answer: TransportAnswer | Situation["baton"]): Situation => ({
  conversation: { conversation_id: CONVERSATION, status: "assigned" },
  loggedInAgent: { id: "5b0c7d1e-agent-irina", first_name: "Irina", last_name: "Pop", email: "irina@lampshop.example" },
  baton: typeof answer === "function" ? answer : () => Promise.resolve(answer),
});

/** To look at by hand: SCREENSHOTS=<folder>. */
const shots = process.env["SCREENSHOTS"];

describe.skipIf(!hasChromium())("the side panel", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(() => browser.closePages());
  afterAll(() => browser?.close());

  const open = (answer: TransportAnswer | Situation["baton"], look?: Look) =>
    openPanel(browser, situation(answer), look);

  test("it shows the agent whom they speak with and what the bot knew", async () => {
    const { page, sent, strangers, consoleErrors } = await open(json(200, view));
    expect(await page.locator("h1:visible").allInnerTexts()).toEqual(["Ana Ionescu"]);
    expect((await page.locator("#details").innerText()).split("\n").filter((line) => line.trim() !== "")).toEqual([
      "Ana Ionescu",
      "With a person",
      "accepted",
      "asked for a person",
      "Give back to the bot",
      "Refresh",
      "Open in Baton",
      "Summary",
      "Order 1042 has not arrived.",
      "She wants it before Friday, or her money back.",
      "Visitor",
      "Email",
      "ana@example.com",
      "Phone",
      "+40 700 000 001",
      "plan",
      "pro",
      "Loyalty card",
      "no",
      "Products",
      "Desk lamp",
      "39.00 EUR",
      "Bulb E27, warm white, pack of ten",
      "12.50 EUR",
      "Page",
      view.pageUrl,
      "Left with the bot",
      "Name",
      "Ana Ionescu",
      "Email",
      "ana@example.com",
      "Issue",
      "Where is order 1042?",
      "Agreed on 20 Nov 2026, 08:58: I agree to be contacted about my request. Terms",
      "Handoff",
      "Priority",
      "high",
      "Asked for",
      "20 Nov 2026, 09:00",
      "Accepted",
      "20 Nov 2026, 09:01",
    ]);
    expect(await page.getByRole("link", { name: "Open in Baton" }).getAttribute("href")).toBe(view.url);
    expect(sent.map(({ method, host, path }) => `${method} ${host}${path}`)).toEqual([
      `GET baton.lampshop.example/v1/installations/freshworks/conversations/${CONVERSATION}?freshchatUrl=lampshop-42.freshchat.com`,
    ]);
    expect([strangers, consoleErrors]).toEqual([[], []]);
  });

  test("what is not known takes no place", async () => {
    const { page } = await open(json(200, bare));
    expect(await page.locator("h1:visible, h2:visible").allInnerTexts()).toEqual(["Unnamed visitor", "Handoff"]);
    expect(await page.locator(".pill").allInnerTexts()).toEqual(["With the bot", "waiting for an agent"]);
    expect(await page.locator("#give-back").isVisible()).toBe(false);
  });

  test.each<[string, TransportAnswer | Situation["baton"], string, boolean]>([
    ["a conversation that is not Baton's", problem(404), "Not a conversation from your bot", false],
    ["another server at that host", { status: 404, body: "<html>" }, "Baton can't be reached right now", true],
    ["Baton down", () => Promise.reject(new Error("down")), "Baton can't be reached right now", true],
    ["a page instead of JSON", { status: 200, body: "<html>" }, "Baton can't be reached right now", true],
    ["JSON of something else", json(200, {}), "Baton can't be reached right now", true],
    ["no key any more", problem(401), "Baton no longer accepts this app's key", false],
    ["a key for something else", problem(403), "Baton no longer accepts this app's key", false],
    ["too many requests", problem(429), "Too many requests at once", true],
  ])("%s", async (name, answer, title, canTryAgain) => {
    const { page, strangers } = await open(answer, { height: 300 });
    expect(await page.locator("h1:visible").allInnerTexts()).toEqual([title]);
    expect(await page.locator("#state-text").innerText()).not.toBe("");
    expect(await page.locator("#again").isVisible()).toBe(canTryAgain);
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(strangers).toEqual([]);
    if (shots !== undefined) await page.screenshot({ path: `${shots}/state-${name.replaceAll(/\W+/g, "-")}.png` });
  });

  test("Try again asks again", async () => {
    let isDown = true;
    const { page, sent } = await open(() => Promise.resolve(isDown ? problem(503) : json(200, view)));
    isDown = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    expect(sent).toHaveLength(2);
  });

  test.each([undefined, "../admin", "a/b", "x".repeat(129)])("an id like %j is not asked for", async (id) => {
    const odd = { ...situation(json(200, view)), conversation: { conversation_id: id } };
    const { page, sent } = await openPanel(browser, odd);
    expect(await page.locator("h1:visible").allInnerTexts()).toEqual(["Not a conversation from your bot"]);
    expect(sent).toEqual([]);
  });

  test("while it asks, it says so, and shows nothing of the conversation before", async () => {
    const { page, activate } = await open(json(200, view));
    const later = Promise.withResolvers<TransportAnswer>();
    const activated = activate({ conversation: { conversation_id: "next" }, baton: () => later.promise });
    await page.getByRole("heading", { name: "Looking up the conversation…" }).waitFor();
    expect(await page.locator("#panel").getAttribute("aria-busy")).toBe("true");
    expect(await page.locator("#details").isVisible()).toBe(false);
    later.resolve(json(200, { ...view, visitor: { name: "Bogdan" } }));
    await activated;
    expect(await page.locator("h1:visible").allInnerTexts()).toEqual(["Bogdan"]);
    expect(await page.locator("#panel").getAttribute("aria-busy")).toBe("false");
  });

  test("a late answer for the conversation before does not show here", async () => {
    const answers = new Map<string, (value: TransportAnswer) => void>();
    const { page, activate } = await open(json(200, bare));
    const baton: Situation["baton"] = ({ path }) =>
      new Promise((resolve) => answers.set(/conversations\/(\w+)/.exec(path)?.[1] ?? "", resolve));
    const first = activate({ baton, conversation: { conversation_id: "one" } });
    await expect.poll(() => answers.has("one")).toBe(true);
    const second = activate({ conversation: { conversation_id: "two" } });
    await expect.poll(() => answers.has("two")).toBe(true);
    answers.get("two")?.(json(200, { ...view, visitor: { name: "Two" } }));
    await second;
    answers.get("one")?.(json(200, { ...view, visitor: { name: "One" } }));
    await first;
    expect(await page.locator("h1:visible").allInnerTexts()).toEqual(["Two"]);
  });

  describe("giving back", () => {
    /** Baton for one return: `done` answers it; from then on the bot has control. */
    async function openToReturn(done: TransportAnswer | "down") {
      let isWithBot = false;
      const panel = await open(({ method }) => {
        if (method === "GET")
          return Promise.resolve(json(200, isWithBot ? { ...view, control: "bot", canReturn: false } : view));
        if (done === "down") return Promise.reject(new Error("down"));
        isWithBot = done.status < 300 || done.status === 409;
        return Promise.resolve(done);
      });
      const press = (name: string) => panel.page.getByRole("button", { name, exact: true }).click();
      return { ...panel, press, notice: panel.page.getByRole("status") };
    }
    const returned = json(200, { control: "bot", status: "resolved" });

    test("it is confirmed first, names the agent, and the panel shows that the bot has it", async () => {
      const { page, sent, press, notice } = await openToReturn(returned);
      await press("Give back to the bot");
      expect(sent).toHaveLength(1);
      if (shots !== undefined) await page.screenshot({ path: `${shots}/confirm.png`, fullPage: true });
      expect(await accessibilityFaults(page)).toEqual([]);
      await press("Yes, give back");
      await expect.poll(() => notice.innerText()).toBe("The bot has the conversation again.");
      expect(sent.slice(1).map(({ method, path }) => `${method} ${path}`)).toEqual([
        `POST /v1/installations/freshworks/conversations/${CONVERSATION}/return`,
        `GET /v1/installations/freshworks/conversations/${CONVERSATION}?freshchatUrl=lampshop-42.freshchat.com`,
      ]);
      expect(JSON.parse(sent[1]?.body ?? "")).toEqual({
        freshchatUrl: "lampshop-42.freshchat.com",
        agent: { id: "5b0c7d1e-agent-irina", name: "Irina Pop" },
      });
      expect(await page.locator("#control").innerText()).toBe("With the bot");
      expect(await page.locator("#give-back").isVisible()).toBe(false);
    });

    test("Keep it and Escape leave things as they are", async () => {
      const { page, sent, press } = await openToReturn(returned);
      await press("Give back to the bot");
      await press("Keep it");
      expect(await page.locator("#confirm").isVisible()).toBe(false);
      await press("Give back to the bot");
      await page.keyboard.press("Escape");
      expect(await page.locator("#confirm").isVisible()).toBe(false);
      expect(sent).toHaveLength(1);
    });

    test("by keyboard alone", async () => {
      const { page, notice } = await openToReturn(returned);
      const focused = () => page.evaluate<string>("document.activeElement.id || document.activeElement.textContent");
      const tab = async () => {
        await page.keyboard.press("Tab");
        return focused();
      };
      await page.getByRole("button", { name: "Give back to the bot" }).waitFor();
      expect([await tab(), await tab(), await tab()]).toEqual(["give-back", "refresh", "Open in Baton"]);
      expect([await tab(), await tab(), await tab(), await tab()]).toEqual([
        "Desk lamp",
        "Bulb E27, warm white, pack of ten",
        view.pageUrl,
        "Terms",
      ]);
      await page.evaluate('document.getElementById("give-back").setFocus()');
      await expect.poll(focused).toBe("give-back");
      await page.keyboard.press("Enter");
      await expect.poll(focused).toBe("confirm-yes");
      await page.keyboard.press("Escape");
      await expect.poll(focused).toBe("give-back");
      await page.keyboard.press("Space");
      await expect.poll(focused).toBe("confirm-yes");
      await page.keyboard.press("Enter");
      await expect.poll(() => notice.innerText()).toBe("The bot has the conversation again.");
      expect(await focused()).toBe("refresh");
    });

    test("a second press while the first one runs sends nothing more", async () => {
      const { page, sent, press, notice } = await openToReturn(returned);
      await press("Give back to the bot");
      await page.evaluate(
        `for (const n of [1, 2, 3]) document.getElementById("confirm-yes").dispatchEvent(new Event("click"))`,
      );
      await expect.poll(() => notice.innerText()).toBe("The bot has the conversation again.");
      expect(sent.filter(({ method }) => method === "POST")).toHaveLength(1);
    });

    test("an agent without id in Freshworks' data goes unnamed", async () => {
      const { sent, press, notice, activate } = await openToReturn(returned);
      await activate({ loggedInAgent: {} });
      await press("Give back to the bot");
      await press("Yes, give back");
      await expect.poll(() => notice.innerText()).toBe("The bot has the conversation again.");
      expect(JSON.parse(sent.find(({ method }) => method === "POST")?.body ?? "")).toMatchObject({ agent: null });
    });

    test.each<[string, TransportAnswer | "down", string]>([
      ["it had ended already", problem(409), "This handoff had ended already."],
      ["Baton is down", "down", "Not given back. Your conversation is not affected. Try again in a moment"],
      ["the key was revoked", problem(401), "Not given back. Ask your admin to install the app again"],
    ])("%s", async (_case, done, words) => {
      const { page, press, notice } = await openToReturn(done);
      await press("Give back to the bot");
      await press("Yes, give back");
      await expect.poll(() => notice.innerText()).toContain(words);
      expect(await page.locator("h1:visible").allInnerTexts()).toEqual(["Ana Ionescu"]);
    });
  });

  describe("words of a visitor stay words", () => {
    const attack =
      '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"\'><svg onload=window.hacked=1>';
    const hostile = {
      ...view,
      handoff: { ...handoff, reason: attack, status: attack, priority: attack, createdAt: attack },
      control: attack,
      visitor: {
        name: attack,
        email: attack,
        phone: attack,
        attributes: { [attack]: attack, constructor: "x", __proto__: "y" },
      },
      summary: attack,
      pageUrl: "javascript:window.hacked=1",
      products: [
        { name: attack, url: " javascript:window.hacked=1", price: attack },
        { name: "data", url: "data:text/html,<script>window.hacked=1</script>", price: null },
        { name: "file", url: "file:///etc/passwd", price: null },
        { name: null, url: null, price: null },
        { name: "fine", url: "https://lampshop.example/", price: null },
      ],
      lead: {
        contact: { name: attack, email: attack, phone: attack, issue: attack },
        consent: { agreedAt: attack, text: attack, url: "vbscript:x" },
      },
      url: "javascript:window.hacked=1",
    };

    test("no markup, no script, and links to the web only", async () => {
      const { page, strangers } = await open(json(200, hostile));
      expect(await page.locator("#visitor").innerText()).toBe(attack);
      expect(await page.locator("#details img, #details script, #details svg, #details iframe").count()).toBe(0);
      expect(await page.evaluate(`Array.from(document.links, (link) => link.href)`)).toEqual([
        "https://lampshop.example/",
      ]);
      await page.evaluate('document.querySelectorAll("#details span").forEach((words) => words.click())');
      expect(await page.locator("#products li").count()).toBe(4);
      expect(await page.evaluate("window.hacked")).toBeUndefined();
      expect(strangers).toEqual([]);
    });

    test("links tell the other side nothing and keep the panel", async () => {
      const { page } = await open(json(200, view));
      const rels = await page.evaluate<string[]>('Array.from(document.links, (link) => link.target + " " + link.rel)');
      expect(new Set(rels)).toEqual(new Set(["_blank noopener noreferrer"]));
    });

    test("answers of an odd shape do not break the panel", async () => {
      const { page, consoleErrors } = await open(
        json(200, { handoff: {}, control: null, visitor: null, products: null, lead: {} }),
      );
      expect(await page.locator("h1:visible").allInnerTexts()).toEqual(["Unnamed visitor"]);
      expect(consoleErrors).toEqual([]);
    });
  });

  const long = {
    ...view,
    visitor: {
      name: "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessenschafe",
      email: `${"a".repeat(60)}@${"b".repeat(60)}.example`,
      phone: "1".repeat(60),
      attributes: { [`attribute${"x".repeat(50)}`]: "y".repeat(120) },
    },
    summary: "z".repeat(400),
    pageUrl: `https://lampshop.example/${"p".repeat(300)}`,
    products: [{ name: "n".repeat(150), url: "https://lampshop.example/", price: "9".repeat(60) }],
  };
  const looks = [320, 400].flatMap((width) =>
    (["light", "dark"] as const).flatMap((colorScheme) =>
      Object.entries({ full: view, bare, long }).map(([name, body]) => ({ width, colorScheme, name, body })),
    ),
  );
  test.each(looks)(
    "$name at $width px, $colorScheme: nothing is cut off, and axe finds nothing",
    async ({ width, colorScheme, name, body }) => {
      const { page } = await open(json(200, body), { width, colorScheme });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      expect(await accessibilityFaults(page)).toEqual([]);
      if (shots !== undefined)
        await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    },
  );
});
