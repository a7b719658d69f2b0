import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Frame, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { askedAndOpened, becomes, stateOf } from "../stories/steps.ts";
import { eventually, startWorld } from "../stories/world.ts";
import type { World } from "../stories/world.ts";
import { hasChromium, launchChromium } from "./chromium.ts";
import type { Browser, Look } from "./chromium.ts";
import { openTab, playDashboard, startForeignSite } from "./chatwoot-page.ts";
import type { Tab } from "./chatwoot-page.ts";

/** Baton's app in a real browser, inside a page that plays Chatwoot's part on Chatwoot's own origin. */

/** To look at by hand: SCREENSHOTS=<folder>. */
const shots = process.env["SCREENSHOTS"];

const about = {
  summary: "Order 1042 has not arrived.\nShe wants it before Friday, or her money back.",
  pageUrl: "https://shop.example/orders/1042?from=newsletter&utm_campaign=autumn-desk-lamps-and-more",
  visitor: {
    id: "v-5",
    name: "Ana Ionescu",
    email: "ana@example.com",
    phone: "+40 700 000 001",
    attributes: { plan: "pro", "Loyalty card": false },
  },
  products: [
    { id: "p7", name: "Desk lamp", url: "https://shop.example/p/7", price: "39.00 EUR" },
    { id: "p8", name: "Bulb E27, warm white, pack of ten", url: "https://shop.example/p/8", price: "12.50 EUR" },
  ],
};

const heading = (app: Frame) => app.locator("h1:visible");

const openPopUp = async ({ page, app }: Pick<Tab, "page" | "app">): Promise<Page> => {
  const opening = page.waitForEvent("popup");
  await app.getByRole("button", { name: "Sign in to Baton" }).click();
  return opening;
};

/** What the app asked Baton for. */
const calls = ({ page }: Tab): string[] => {
  const made: string[] = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/v1/")) made.push(`${request.method()} ${pathname}`);
  });
  return made;
};

/** Gives the window a link that works. It closes at once, at times before the click on its button has been reported as done. */
async function signInAt(popUp: Page, link: string): Promise<void> {
  await popUp.getByLabel("Sign-in link").fill(link);
  const press = () => popUp.getByRole("button", { name: "Sign in" }).click();
  await Promise.all([
    popUp.waitForEvent("close"),
    press().catch((error: unknown) => popUp.isClosed() || Promise.reject(error)),
  ]);
}

describe.skipIf(!hasChromium())("the app beside a conversation in Chatwoot", () => {
  let browser: Browser;
  let world: World;
  let foreign: Awaited<ReturnType<typeof startForeignSite>>;
  let connectionId: string;
  let memberId: string;
  let count = 0;

  beforeAll(async () => {
    [browser, foreign] = await Promise.all([launchChromium(), startForeignSite()]);
    world = await startWorld({ chatwoot: { intercept: playDashboard } });
    connectionId = await world.connectChatwoot();
    memberId = (await world.admin.post("/v1/members", { name: "Irina Pop" })).body.id;
  });
  afterEach(() => browser?.closePages());
  afterAll(async () => {
    await browser?.close();
    await foreign?.stop();
    await world?.stop();
  });

  const appUrl = (id = connectionId) => `${world.baton.baseUrl()}/apps/chatwoot/${id}`;
  const newLink = async (): Promise<string> =>
    (await world.admin.post(`/v1/members/${memberId}/sign-in-links`)).body.url;
  /** A new conversation of Ana's that stands in Chatwoot: the bot's id of it, Chatwoot's, and the handoff's. */
  const asked = async (more: Record<string, unknown> = {}) => {
    count += 1;
    const key = `c-${count}`;
    const handoffId = await askedAndOpened(world, key, { ...about, ...more });
    const { handoff } = (await world.admin.get(`/v1/handoffs/${handoffId}`)).body;
    const there = world.chatwoot.conversations().at(-1)!.id;
    return { key, there, handoffId: handoff.id as string };
  };
  /** The same app on the host of Chatwoot: still another origin, but the same site, to whose frames browsers give a storage. */
  const sameSite = () => appUrl().replace("//localhost:", "//127.0.0.1:");
  const open = async (
    conversation: number,
    options: { look?: Look; also?: string; init?: string; app?: string } = {},
  ) => {
    const page = await browser.open({ width: 400, height: 900, ...options.look });
    if (options.init !== undefined) await page.addInitScript(options.init);
    return openTab(page, {
      site: world.chatwoot.url,
      app: options.app ?? appUrl(),
      conversation,
      also: options.also ?? "",
    });
  };
  const signIn = async ({ page, app }: Tab, link?: string): Promise<void> => {
    await signInAt(await openPopUp({ page, app }), link ?? (await newLink()));
  };
  const openSignedIn = async (conversation: number, options: Parameters<typeof open>[1] = {}) => {
    const tab = await open(conversation, options);
    await signIn(tab);
    return tab;
  };
  test("a member signs in in a window of Baton's own, and sees what the bot knew", async () => {
    const { there } = await asked();
    const tab = await open(there);
    const { page, app, faults } = tab;
    await heading(app).getByText("Sign in to see what the bot knows").waitFor();
    await page.evaluate(
      `window.heard = []; addEventListener("message", (event) => heard.push(JSON.stringify(event.data)))`,
    );
    const popUp = await openPopUp(tab);
    expect(popUp.url()).toBe(`${world.baton.baseUrl()}/apps/sign-in`);
    await signInAt(popUp, await newLink());
    await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    const lines = (await app.locator("#details").innerText()).split("\n").filter((line) => line.trim() !== "");
    const stable = lines.map((line) => line.replace(/just now · .*/, "just now"));
    expect(stable).toEqual([
      "Ana Ionescu",
      "A person has control",
      "Waiting for somebody to accept. The bot is silent.",
      "Accept",
      "Give back to the bot",
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
      about.pageUrl,
      "What happened",
      "The visitor asked for a person",
      "just now",
      "Opened in Chatwoot",
      "just now",
      "Conversation",
      "Show the bot's transcript",
    ]);
    expect(await app.locator("#timeline time").first().innerText()).toMatch(/^just now · \d+ \w+ 20\d\d, \d\d:\d\d$/);
    expect(await app.locator("#foot").innerText()).toContain("Signed in as Irina Pop");
    // The page around it was told nothing but what it is asked for, and by Baton's own origin.
    expect(new Set(await page.evaluate<string[]>("window.heard"))).toEqual(
      new Set(['"chatwoot-dashboard-app:fetch-info"']),
    );
    expect(new Set(await page.evaluate<string[]>("window.asked"))).toEqual(new Set([world.baton.baseUrl()]));
    expect(faults).toEqual([]);
  });

  test("where the frame has a storage, the sign-in lasts over conversations of the tab, and no other tab has it", async () => {
    const [one, two] = [await asked(), await asked({ visitor: { id: "v-6", name: "Bogdan" } })];
    const tab = await openSignedIn(one.there, { app: sameSite() });
    await tab.app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    expect(await tab.app.locator("#notice").innerText()).toBe("");
    const next = await openTab(tab.page, { site: world.chatwoot.url, app: sameSite(), conversation: two.there });
    await next.app.getByRole("heading", { name: "Bogdan" }).waitFor();
    await tab.page.evaluate(`conversationId = ${one.there}; tell(JSON.stringify(context()))`);
    await next.app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    const page = await tab.page.context().newPage();
    const other = await openTab(page, { site: world.chatwoot.url, app: sameSite(), conversation: one.there });
    await heading(other.app).getByText("Sign in to see").waitFor();
    // Nor does the window in which they signed in.
    await (await openPopUp(other)).getByLabel("Sign-in link").waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });

  test("where the browser gives a frame none, the window keeps it: the next conversation takes a press, and no new link", async () => {
    const [one, two] = [await asked(), await asked({ visitor: { id: "v-6", name: "Bogdan" } })];
    const tab = await openSignedIn(one.there);
    await tab.app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    expect(
      await tab.app.evaluate("(() => { try { return sessionStorage.length } catch { return null } })()"),
    ).toBeNull();
    await tab.app.getByText("no new link is needed").waitFor();
    const next = await openTab(tab.page, { site: world.chatwoot.url, app: appUrl(), conversation: two.there });
    await (await openPopUp(next)).waitForEvent("close");
    await next.app.getByRole("heading", { name: "Bogdan" }).waitFor();
    expect(await next.app.locator("#notice").innerText()).toBe("");
    // Once signed out, it is worth nothing there either.
    await next.app.getByRole("button", { name: "Sign out" }).click();
    await next.app.getByText("You have signed out.").waitFor();
    await (await openPopUp(next)).getByLabel("Sign-in link").waitFor();
    expect(tab.faults).toEqual([]);
  });

  test("give back, with the keyboard alone", async () => {
    const { there, key } = await asked();
    const { page, app, faults } = await openSignedIn(there);
    await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    const focused = () =>
      app.evaluate<string>("document.activeElement.id || document.activeElement.textContent.trim()");
    const tab = async () => {
      await page.keyboard.press("Tab");
      return focused();
    };
    await app.locator("#visitor").focus();
    expect([await tab(), await tab(), await tab(), await tab(), await tab(), await tab(), await tab()]).toEqual([
      "accept",
      "give-back",
      "Desk lamp",
      "Bulb E27, warm white, pack of ten",
      about.pageUrl,
      "transcript-toggle",
      "sign-out",
    ]);
    await app.locator("#give-back").focus();
    await page.keyboard.press("Enter");
    await expect.poll(focused).toBe("confirm-yes");
    await page.keyboard.press("Escape");
    await expect.poll(focused).toBe("give-back");
    expect(await stateOf(world, key)).toMatchObject({ control: "human" });
    await page.keyboard.press("Space");
    await expect.poll(focused).toBe("confirm-yes");
    await page.keyboard.press("Enter");
    await app.getByText("The bot has the conversation again.").waitFor();
    expect(await app.locator("#status").innerText()).toBe("This handoff is over. The bot answers the visitor again.");
    expect(await app.locator("#control").innerText()).toBe("The bot has control");
    expect(await app.locator("#give-back, #accept").filter({ visible: true }).count()).toBe(0);
    expect(await app.locator("#timeline li").last().innerText()).toContain("Irina Pop gave it back to the bot");
    expect(await focused()).toBe("visitor");
    await becomes(world, key, { control: "bot", status: "resolved" });
    await eventually(() => world.chatwoot.conversation(there).status === "resolved");
    expect(faults).toEqual([]);
  });

  test("accept, and what is left to do in Chatwoot is said; a second press does nothing more", async () => {
    const { there, key } = await asked();
    const tab = await openSignedIn(there);
    const made = calls(tab);
    await tab.app.getByRole("button", { name: "Accept" }).waitFor();
    await tab.app.evaluate(
      `for (const n of [1, 2, 3]) document.getElementById("accept").dispatchEvent(new Event("click"))`,
    );
    await tab.app.getByText("Assign the conversation to yourself").waitFor();
    expect(await tab.app.locator("#status").innerText()).toBe("Irina Pop has this conversation. The bot is silent.");
    expect(made.filter((one) => one.startsWith("POST"))).toHaveLength(1);
    await becomes(world, key, { status: "acknowledged" });
  });

  test("what happens elsewhere shows by itself, and a question that is over closes", async () => {
    const { there, key } = await asked();
    const { app } = await openSignedIn(there);
    await app.getByRole("button", { name: "Give back to the bot" }).click();
    world.chatwoot.assign(there, world.chatwoot.agentId);
    await app.getByText("Alex has this conversation. The bot is silent.").waitFor();
    expect(await app.locator("#confirm").isVisible()).toBe(true);
    world.chatwoot.resolve(there);
    await becomes(world, key, { status: "resolved" });
    await app.getByText("This handoff is over.").waitFor();
    expect(await app.locator("#confirm").isVisible()).toBe(false);
    expect(await app.evaluate("document.activeElement.id")).toBe("visitor");
  });

  test("the transcript: what visitor and bot said, in order", async () => {
    const { there } = await asked();
    const { app } = await openSignedIn(there);
    const toggle = app.getByRole("button", { name: "Show the bot's transcript" });
    await toggle.click();
    await app.locator("#lines li").nth(2).waitFor();
    const lines = await app.locator("#lines li").allInnerTexts();
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/^Ana Ionescu\s.*20 Nov 2026, 09:00\s+Where is my order\?$/s),
      expect.stringMatching(/^Bot\s.*20 Nov 2026, 09:00\s+Which number does it have\?$/s),
      expect.stringMatching(/^Ana Ionescu\s.*20 Nov 2026, 09:00\s+1042\. I want a person\.$/s),
    ]);
    await world.bot.post(`/v1/conversations/c-${count}/messages`, { role: "visitor", text: "Are you there?" });
    await app.getByText("Are you there?").waitFor();
    expect(await app.getByText("Are you there?").count()).toBe(1);
    await app.getByRole("button", { name: "Hide the transcript" }).click();
    expect(await app.locator("#lines").isVisible()).toBe(false);
  });

  test("signing out forgets everything here, and revokes the token", async () => {
    const { there } = await asked();
    const { app } = await openSignedIn(there, { app: sameSite() });
    await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    const kept = `JSON.parse(sessionStorage.getItem(Object.keys(sessionStorage)[0])).token`;
    const token = await app.evaluate<string>(kept);
    expect((await world.as(token).get("/v1/members")).status).toBe(200);
    await app.getByRole("button", { name: "Sign out" }).click();
    await app.getByText("You have signed out.").waitFor();
    expect(await app.evaluate("sessionStorage.length")).toBe(0);
    expect((await world.as(token).get("/v1/members")).status).toBe(401);
    expect(await app.locator("#details").isVisible()).toBe(false);
    expect(await app.locator("#lines").innerText()).toBe("");
    expect(await app.evaluate("document.activeElement.id")).toBe("sign-in");
  });

  describe("who frames it, and who speaks to it", () => {
    test("on any other origin the frame is blank, also with Chatwoot in between", async () => {
      const { there } = await asked();
      for (const app of [
        appUrl(),
        `${world.chatwoot.url}/app?app=${encodeURIComponent(appUrl())}&conversation=${there}`,
      ]) {
        const page = await browser.open();
        const requested: string[] = [];
        page.on("request", (request) => requested.push(request.url()));
        const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
        await openTab(page, { site: foreign.url, app, conversation: there });
        await refused;
        expect(page.frames().filter((one) => one.url().startsWith(world.baton.baseUrl()))).toEqual([]);
        expect(requested.filter((url) => url.includes("/apps/assets/"))).toEqual([]);
      }
    });

    test("of an unknown connection it is blank in Chatwoot too, and by itself says nothing of anybody", async () => {
      const page = await browser.open();
      const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
      await openTab(page, { site: world.chatwoot.url, app: appUrl("con_unknown"), conversation: 1 });
      await refused;
      await page.goto(appUrl("con_unknown"));
      await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
      expect(await faultsIn(page.mainFrame())).toEqual([]);
      await page.goto(appUrl());
      await page.getByRole("heading", { name: "This page belongs inside Chatwoot" }).waitFor();
    });

    test("messages of other windows, and of other shapes, have no effect", async () => {
      const [one, two] = [await asked(), await asked({ visitor: { id: "v-6", name: "Bogdan" } })];
      const tab = await openSignedIn(one.there);
      const { page, app, faults } = tab;
      await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
      const made = calls(tab);
      const forged = { event: "appContext", data: { conversation: { id: two.there } } };
      const shapes: unknown[] = [
        forged,
        JSON.stringify({ ...forged, event: "other" }),
        JSON.stringify([forged]),
        JSON.stringify({ event: "appContext" }),
        JSON.stringify({ event: "appContext", data: null }),
        ...[
          null,
          {},
          [],
          true,
          -1,
          0,
          1.5,
          1e21,
          "",
          "../admin",
          `${two.there}/return`,
          `${two.there} `,
          "9".repeat(40),
        ].map((id) => JSON.stringify({ event: "appContext", data: { conversation: { id } } })),
        `{"__proto__":{"event":"appContext","data":{"conversation":{"id":${two.there}}}}}`,
        `{"event":"appContext","data":{"__proto__":{"conversation":{"id":${two.there}}}}}`,
        `{"event":"appContext","data":{"conversation":{"__proto__":{"id":${two.there}}}}}`,
        `{"event":"appContext","data":{"constructor":{"prototype":{"conversation":{"id":${two.there}}}}}}`,
        "{",
        "",
        "[".repeat(100_000),
        two.there,
        null,
        { kind: "baton-sign-in", step: "session", session: { token: "forged", name: "Eve" } },
        { kind: "baton-sign-in", step: "ready?" },
      ];
      await page.evaluate(`${JSON.stringify(shapes)}.forEach((data) => tell(data))`);
      // The right words from a window beside it: one of Chatwoot's own origin, and one of a foreign origin.
      const words = JSON.stringify(JSON.stringify(forged));
      for (const site of [world.chatwoot.url, foreign.url]) {
        const src = JSON.stringify(`${site}/app?conversation=${two.there}&app=about:blank`);
        await page.evaluate(`new Promise((resolve) => {
          const beside = document.createElement("iframe");
          beside.addEventListener("load", resolve);
          beside.src = ${src};
          document.body.append(beside);
        })`);
        const beside = page
          .frames()
          .find((frame) => frame.url().startsWith(`${site}/app`) && frame !== page.mainFrame())!;
        await beside.evaluate(`window.parent.frames[0].postMessage(${words}, "*")`);
      }
      await page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))");
      expect(await heading(app).allInnerTexts()).toEqual(["Ana Ionescu"]);
      expect(made.filter((call) => !call.endsWith(`/conversations/${one.there}`))).toEqual([]);
      expect(await app.locator("#foot").innerText()).toContain("Irina Pop");
      expect(await app.evaluate("({}).event ?? ({}).conversation ?? null")).toBeNull();
      expect(faults).toEqual([]);
      // The true parent is still heard.
      await page.evaluate(`conversationId = ${two.there}; tell(JSON.stringify(context()))`);
      await app.getByRole("heading", { name: "Bogdan" }).waitFor();
    });

    test("a parent on another origin than the connection's is neither asked nor heard, should it ever frame the page", async () => {
      const { there } = await asked();
      const page = await browser.open({ width: 400 });
      await page.route("**/apps/chatwoot/**", async (route) => {
        const answer = await route.fetch();
        const body = (await answer.text()).replace(
          `data-helpdesk="${world.chatwoot.url}"`,
          'data-helpdesk="https://desk.example"',
        );
        await route.fulfill({ response: answer, body });
      });
      const tab = await openTab(page, { site: world.chatwoot.url, app: appUrl(), conversation: there });
      const made = calls(tab);
      await signIn(tab);
      await page.evaluate("tell(JSON.stringify(context()))");
      await heading(tab.app).getByText("Chatwoot has not said which conversation this is").waitFor();
      expect(await page.evaluate("window.asked")).toEqual([]);
      expect(made.filter((call) => call.includes("/connections/"))).toEqual([]);
    });

    test("what the frame is told of its viewer is not believed: without a sign-in there is nothing", async () => {
      const { there } = await asked();
      const tab = await open(there);
      const made = calls(tab);
      await heading(tab.app).getByText("Sign in to see").waitFor();
      await tab.page.evaluate("tell(JSON.stringify(context()))");
      await tab.page.evaluate("new Promise((resolve) => setTimeout(resolve, 200))");
      expect([await heading(tab.app).allInnerTexts(), made]).toEqual([["Sign in to see what the bot knows"], []]);
    });
  });

  describe("signing in", () => {
    test("a code that does not work is explained, and the next one works", async () => {
      const { there } = await asked();
      const tab = await open(there);
      const popUp = await openPopUp(tab);
      const tryIt = async (link: string) => {
        await popUp.getByLabel("Sign-in link").fill(link);
        await popUp.keyboard.press("Enter");
      };
      await tryIt(`${world.baton.baseUrl()}/apps/sign-in#AAAAAAAAAAAAAAAAAAAAAA`);
      await popUp.getByText("This sign-in code is not valid").waitFor();
      expect(await faultsIn(popUp.mainFrame())).toEqual([]);
      const link = await newLink();
      const used = link.slice(link.indexOf("#") + 1);
      await world.as("none").post("/v1/sign-in", { code: used });
      await tryIt(used);
      await popUp.getByText("has been used already").waitFor();
      await popUp.route("**/v1/sign-in", (route) => route.abort());
      await tryIt(await newLink());
      await popUp.getByText("Baton can't be reached right now.").waitFor();
      await popUp.unroute("**/v1/sign-in");
      await signInAt(popUp, `  ${await newLink()}\n`);
      await tab.app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    });

    test("a link opened by itself, or by another site, uses nothing up and tells where it belongs", async () => {
      const link = await newLink();
      const page = await browser.open({ width: 460, height: 560 });
      await page.goto(link);
      await page.getByRole("heading", { name: "Take this link to Chatwoot" }).waitFor();
      expect(page.url()).not.toContain("#");
      expect(await page.getByLabel("Your link").inputValue()).toBe(link);
      expect(await page.locator("#form").isVisible()).toBe(false);
      expect(await faultsIn(page.mainFrame())).toEqual([]);
      await page.goto(`${foreign.url}/app?app=about:blank&conversation=1`);
      await page.evaluate(`heard = []; addEventListener("message", (event) => heard.push(event.data))`);
      const opening = page.waitForEvent("popup");
      await page.evaluate(`void window.open(${JSON.stringify(link)})`);
      const popUp = await opening;
      await popUp.getByRole("heading", { name: "Take this link to Chatwoot" }).waitFor();
      await page.evaluate(
        `for (const step of ["ready", "taken"]) opened?.postMessage({ kind: "baton-sign-in", step }, "*"); var opened`,
      );
      expect(await popUp.locator("#form").isVisible()).toBe(false);
      expect(await page.evaluate("heard")).toEqual([]);
      const answer = await world.as("none").post("/v1/sign-in", { code: link.slice(link.indexOf("#") + 1) });
      expect(answer.status).toBe(200);
    });

    test("where no window may open, the link is given in the frame", async () => {
      const { there } = await asked();
      const { app } = await open(there, { init: "window.open = () => null" });
      await app.getByRole("button", { name: "Sign in to Baton" }).click();
      await app.getByText("did not open the sign-in window").waitFor();
      expect(await app.evaluate("document.activeElement.id")).toBe("code");
      await app.getByLabel("Sign-in link").fill("wrong");
      await app.getByRole("button", { name: "Sign in here" }).click();
      await app.getByText("This sign-in code is not valid").waitFor();
      expect(await faultsIn(app)).toEqual([]);
      await app.getByLabel("Sign-in link").fill(await newLink());
      await app.getByRole("button", { name: "Sign in here" }).click();
      await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
      expect(await app.locator("#notice").innerText()).toContain("unless you allow pop-ups here");
    });

    test("a token that was revoked, or is over, asks for a new sign-in and goes on where it was", async () => {
      const { there } = await asked();
      const tab = await openSignedIn(there);
      await tab.app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
      const [newest] = (await world.admin.get("/v1/tokens?limit=200")).body.items.slice(-1);
      await world.admin.delete(`/v1/tokens/${newest.id}`);
      await heading(tab.app).getByText("Sign in to see what the bot knows").waitFor();
      expect(await tab.app.locator("#foot").isVisible()).toBe(false);
      await signIn(tab);
      await tab.app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
      await tab.page.route("**/v1/connections/**", (route) =>
        route.fulfill({ status: 401, json: { code: "token_expired", detail: "The token has expired" } }),
      );
      await heading(tab.app).getByText("Your sign-in has ended").waitFor();
      expect(await faultsIn(tab.app)).toEqual([]);
    });
  });

  describe("when there is nothing to show", () => {
    test("a conversation that is not the bot's", async () => {
      const { app } = await openSignedIn(987_654);
      await heading(app).getByText("Not a conversation from your bot").waitFor();
      expect(await faultsIn(app)).toEqual([]);
    });

    test("the connection is gone", async () => {
      const { body } = await world.admin.get(`/v1/connections/${connectionId}`);
      const config = { ...body.config, apiAccessToken: world.chatwoot.apiAccessToken };
      const second = await world.admin.post("/v1/connections", { type: "chatwoot", name: "Second", config });
      expect(second.status).toBe(201);
      const page = await browser.open({ width: 400 });
      const tab = await openTab(page, { site: world.chatwoot.url, app: appUrl(second.body.id), conversation: 987_654 });
      await signIn(tab);
      await heading(tab.app).getByText("Not a conversation from your bot").waitFor();
      await world.admin.delete(`/v1/connections/${second.body.id}`);
      await tab.app.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`);
      await heading(tab.app).getByText("This app is no longer connected").waitFor();
    });

    test("Baton does not answer: what is shown stays, and it goes on by itself", async () => {
      const { there } = await asked();
      const { page, app } = await openSignedIn(there);
      await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
      await page.route("**/v1/connections/**", (route) => route.abort());
      const look = `document.dispatchEvent(new Event("visibilitychange"))`;
      await app.evaluate(look);
      await app.getByText("Baton can't be reached right now: this may be out of date.").waitFor();
      expect(await app.locator("#details").isVisible()).toBe(true);
      await page.unroute("**/v1/connections/**");
      await app.evaluate(look);
      await expect.poll(() => app.locator("#notice").innerText()).toBe("");
    });

    test.each<[string, { status: number; body: string }, string]>([
      ["Baton down", { status: 502, body: "<html>" }, "Baton can't be reached right now"],
      ["another server in its place", { status: 404, body: "<html>" }, "Baton can't be reached right now"],
      ["JSON of something else", { status: 200, body: "{}" }, "Baton can't be reached right now"],
      ["too many requests", { status: 429, body: '{"code":"too_many_requests"}' }, "Too many requests at once"],
    ])("%s", async (_case, answer, title) => {
      const { there } = await asked();
      const tab = await open(there);
      await tab.page.route("**/v1/connections/**", (route) => route.fulfill(answer));
      await signIn(tab);
      await heading(tab.app).getByText(title).waitFor();
      expect(await faultsIn(tab.app)).toEqual([]);
      await tab.page.unroute("**/v1/connections/**");
      await tab.app.getByRole("button", { name: "Try again" }).click();
      await tab.app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    });

    test("Chatwoot tells nothing: it is asked again, and then the member is told", async () => {
      const { there } = await asked();
      const { page, app } = await openSignedIn(there, { also: "&mute" });
      await heading(app).getByText("Chatwoot has not said which conversation this is").waitFor();
      expect((await page.evaluate<string[]>("window.asked")).length).toBeGreaterThanOrEqual(4);
      await page.evaluate("tell(JSON.stringify(context()))");
      await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
    });
  });

  describe("words of a visitor stay words", () => {
    const attack = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"'><svg onload=window.hacked=1>`;
    const step = { type: attack, at: attack, actor: { kind: attack, name: attack }, because: "__proto__" };
    const hostile = {
      handoff: {
        id: "hnd_1",
        status: "acknowledged",
        mode: "live",
        reason: attack,
        priority: "constructor",
        createdAt: attack,
      },
      control: "__proto__",
      agent: attack,
      visitor: {
        name: attack,
        email: attack,
        phone: attack,
        attributes: { [attack]: attack, constructor: "x", nested: { a: attack } },
      },
      summary: attack,
      pageUrl: "javascript:window.hacked=1",
      products: [
        { name: attack, url: " javascript:window.hacked=1", price: attack },
        { name: "data", url: "data:text/html,<script>window.hacked=1</script>", price: null },
        { name: "file", url: "file:///etc/passwd", price: null },
        null,
        { name: null, url: null },
        { name: "fine", url: "https://shop.example/", price: null },
      ],
      lead: {
        contact: { name: attack, email: attack, phone: attack, issue: attack },
        consent: { agreedAt: attack, text: attack, url: "vbscript:x" },
      },
      timeline: [
        step,
        { ...step, type: "handoff.resolved" },
        { type: "handoff.acknowledged", at: null, actor: null },
        null,
      ],
      url: "javascript:window.hacked=1",
      canAccept: true,
      canReturn: true,
    };
    const lines = [
      { seq: 1, role: "visitor", text: attack, at: attack, authorName: null, attachments: [] },
      {
        seq: 2,
        role: attack,
        text: attack,
        at: null,
        attachments: [{ url: "javascript:window.hacked=1", name: attack }],
      },
      { seq: 3, role: "agent", authorName: attack, text: attack, attachments: [{ url: "https://shop.example/a.pdf" }] },
    ];

    test("no markup, no script, and links to the web only", async () => {
      const { there } = await asked();
      const tab = await open(there);
      const { page, app, faults } = tab;
      await page.route("**/v1/connections/**", (route) => route.fulfill({ json: hostile }));
      await page.route("**/v1/handoffs/**", (route) =>
        route.fulfill({ json: { items: route.request().url().includes("after=0") ? lines : [] } }),
      );
      await signIn(tab);
      await expect.poll(() => app.locator("#visitor").innerText()).toBe(attack);
      await app.getByRole("button", { name: "Show the bot's transcript" }).click();
      await app.locator("#lines li").nth(2).waitFor();
      expect(await app.locator("#app :is(img, script, svg, iframe, object)").count()).toBe(0);
      expect(await app.evaluate("Array.from(document.links, (link) => link.href)")).toEqual([
        "https://shop.example/",
        "https://shop.example/a.pdf",
      ]);
      const rels = await app.evaluate<string[]>('Array.from(document.links, (link) => link.target + " " + link.rel)');
      expect(new Set(rels)).toEqual(new Set(["_blank noopener noreferrer"]));
      expect(await app.evaluate("window.hacked ?? null")).toBeNull();
      expect(await page.evaluate("window.hacked ?? null")).toBeNull();
      expect(faults).toEqual([]);
    });

    test("no script can be made from text, even by a mistake of ours", async () => {
      const { there } = await asked();
      const { app } = await open(there);
      await heading(app).getByText("Sign in to see").waitFor();
      const refused = await app.evaluate<string[]>(`
        [() => (document.body.innerHTML = "<b>x</b>"),
         () => trustedTypes.createPolicy("p", { createHTML: (text) => text }),
         () => Object.assign(document.createElement("script"), { text: "window.hacked = 1" })]
          .map((attempt) => { try { attempt(); return "done"; } catch (error) { return error.name; } })`);
      expect(refused).toEqual(["TypeError", "TypeError", "TypeError"]);
    });

    test("an answer of an odd shape shows less and breaks nothing", async () => {
      const { there } = await asked();
      const tab = await open(there);
      await tab.page.route("**/v1/connections/**", (route) =>
        route.fulfill({ json: { handoff: {}, control: null, visitor: null, products: null, lead: {}, timeline: "x" } }),
      );
      await signIn(tab);
      await tab.app.getByRole("heading", { name: "Unnamed visitor" }).waitFor();
      expect(tab.faults).toEqual([]);
    });
  });

  describe("how it looks", () => {
    const at = "2026-11-20T09:00:00.000Z";
    const steps = [
      ["handoff.requested", { kind: "visitor", name: null }, "open"],
      ["handoff.opened", { kind: "system", name: null }, null],
      ["handoff.acknowledged", { kind: "agent", name: "Alex Agent" }, null],
    ].map(([type, actor, because]) => ({ type, actor, because, at }));
    const full = {
      handoff: { id: "hnd_1", status: "acknowledged", mode: "live", reason: "asked for a person", priority: "high" },
      control: "human",
      agent: "Alex Agent",
      ...about,
      lead: {
        contact: { name: "Ana Ionescu", email: "ana@example.com", phone: null, issue: "Where is order 1042?" },
        consent: { agreedAt: at, text: "I agree to be contacted about my request.", url: "https://shop.example/terms" },
      },
      timeline: steps,
      canAccept: false,
      canReturn: true,
    };
    const bare = {
      handoff: { id: "hnd_2", status: "pending", mode: "lead", reason: null, priority: null },
      control: "bot",
      agent: null,
      visitor: { name: null, email: null, phone: null, attributes: {} },
      summary: null,
      pageUrl: null,
      products: [],
      lead: null,
      timeline: steps.slice(0, 1),
      canAccept: true,
      canReturn: false,
    };
    const long = {
      ...full,
      agent: "b".repeat(90),
      visitor: {
        name: "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessenschafe",
        email: `${"a".repeat(60)}@${"b".repeat(60)}.example`,
        phone: "1".repeat(60),
        attributes: { [`attribute${"x".repeat(50)}`]: "y".repeat(120) },
      },
      summary: "z".repeat(400),
      pageUrl: `https://shop.example/${"p".repeat(300)}`,
      products: [{ name: "n".repeat(150), url: "https://shop.example/", price: "9".repeat(60) }],
    };
    const said = [
      { seq: 1, role: "visitor", text: "Where is my order?", at, attachments: [] },
      { seq: 2, role: "bot", text: "Which number does it have?", at, attachments: [] },
      {
        seq: 3,
        role: "visitor",
        text: "1042. I want a person.",
        at,
        attachments: [{ url: "https://shop.example/r.pdf", name: "receipt.pdf" }],
      },
      { seq: 4, role: "system", text: "I am connecting you with a person.", at, attachments: [] },
    ];

    const looks = [320, 400].flatMap((width) =>
      (["light", "dark"] as const).flatMap((colorScheme) => [{ width, colorScheme }]),
    );
    test.each(looks)("at $width px, $colorScheme: nothing is cut off, and axe finds nothing", async (look) => {
      const { there } = await asked();
      const tab = await open(there, { look: { ...look, height: 1_500 } });
      const { page, app } = tab;
      let view: unknown = full;
      await page.route("**/v1/connections/**", (route) => route.fulfill({ json: view }));
      await page.route("**/v1/handoffs/**", (route) =>
        route.fulfill({ json: { items: route.request().url().includes("after=0") ? said : [] } }),
      );
      const judge = async (name: string, frame = app, of = page) => {
        expect([name, await frame.evaluate("document.documentElement.scrollWidth")]).toEqual([
          name,
          of.viewportSize()?.width,
        ]);
        expect([name, await faultsIn(frame)]).toEqual([name, []]);
        if (shots !== undefined)
          await of.screenshot({ path: `${shots}/${name}-${look.width}-${look.colorScheme}.png` });
      };
      await heading(app).getByText("Sign in to see").waitFor();
      await judge("signed-out");
      const popUp = await openPopUp(tab);
      await popUp.getByLabel("Sign-in link").waitFor();
      await popUp.setViewportSize({ width: 460, height: 560 });
      await judge("pop-up", popUp.mainFrame(), popUp);
      await popUp.close();
      await signIn(tab);
      for (const [name, next] of Object.entries({ full, bare, long })) {
        view = next;
        await app.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`);
        await expect.poll(() => app.locator("#visitor").innerText()).toBe(next.visitor.name ?? "Unnamed visitor");
        await judge(name);
      }
      view = full;
      await app.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`);
      await app.getByRole("heading", { name: "Ana Ionescu" }).waitFor();
      await app.getByRole("button", { name: "Give back to the bot" }).click();
      await app.getByRole("button", { name: "Show the bot's transcript" }).click();
      await app.getByText("receipt.pdf").waitFor();
      await judge("confirming");
    });
  });
});

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds in one frame. Handed in from outside the page, whose policy lets no script of another in. */
async function faultsIn(frame: Frame): Promise<string[]> {
  await frame.evaluate(axeSource);
  return frame.evaluate<
    string[]
  >(`axe.run(document, { resultTypes: ["violations"], iframes: false }).then(({ violations }) =>
    violations.flatMap((one) => one.nodes.map((node) => one.id + ": " + node.target.join(" ") + " " + node.failureSummary)))`);
}
