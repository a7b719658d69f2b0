import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page, Route } from "playwright-core";
import type { Browser, Look } from "../browser/chromium.ts";
import { appFolder, expandTemplate } from "./sandbox.ts";
import type { TemplateRequest, TransportAnswer } from "./sandbox.ts";

/**
 * The app's side panel in a page that plays Freshworks' part: it serves the app's files with `{{{appclient}}}` filled in, and
 * the client gives the data, the settings and the requests of a conversation. Requests go through the real templates.
 */
const APP = "https://app.freshworks.example/";
const CLIENT = "https://static.freshworks.example/client.js";
const CRAYONS = /^https:\/\/cdn\.jsdelivr\.net\/npm\/@freshworks\/crayons@v4\/dist\/crayons\/([\w.-]+)$/;

/** With CRAYONS=<folder of the package @freshworks/crayons 4.2.0>, its real components are served; it is too big to install. */
const realCrayons = process.env["CRAYONS"];

/** `data.get` answers by name; `fails` stands for a name that Freshworks gives no data for. */
export interface Situation {
  readonly conversation: Readonly<Record<string, unknown>>;
  readonly loggedInAgent: Readonly<Record<string, unknown>>;
  /** What Baton answers; rejecting means that it cannot be reached. */
  readonly baton: (request: TemplateRequest) => Promise<TransportAnswer>;
}

export interface Panel {
  readonly page: Page;
  readonly sent: TemplateRequest[];
  /** What the page asked for beyond the app and its components: nothing, if all is well. */
  readonly strangers: string[];
  readonly consoleErrors: string[];
  /** The agent looks at a conversation: Freshworks tells the app. */
  readonly activate: (change?: Partial<Situation>) => Promise<void>;
}

const iparams = {
  baton_host: "baton.lampshop.example",
  workspace_key: "wk-canary-7f31",
  freshchat_url: "lampshop-42.freshchat.com",
  freshchat_token: "fc-canary-90aa",
};

const client = `
  const listeners = {};
  window.activate = () => Promise.all((listeners["app.activated"] || []).map((listener) => listener({})));
  const client = {
    events: { on: (name, listener) => (listeners[name] = [...(listeners[name] || []), listener]) },
    data: { get: async (name) => window.freshworksData(name) },
    iparams: { get: async (name) => window.freshworksSetting(name) },
    request: {
      invokeTemplate: async (name, args) => {
        const answer = await window.freshworksRequest(name, args);
        if (answer.status < 200 || answer.status >= 300) throw answer;
        return answer;
      },
    },
  };
  window.app = { initialized: async () => client };
`;

/** What the panel needs of Crayons' button and spinner: a real button inside, its focus, its states. */
const crayonsStub = `
  customElements.define("fw-button", class extends HTMLElement {
    constructor() {
      super();
      this.attachShadow({ mode: "open" }).innerHTML =
        "<style>button { font: inherit; font-size: 12px; padding: 6px 12px; border-radius: 4px; border: 1px solid #12344d;" +
        "background: #fff; color: #12344d } :host([color=primary]) button { background: #12344d; color: #fff }" +
        "</style><button type='button'><slot></slot></button>";
    }
    get button() { return this.shadowRoot.querySelector("button"); }
    set disabled(value) { this.button.disabled = value; }
    async setFocus() { this.button.focus(); }
  });
  customElements.define("fw-spinner", class extends HTMLElement {});
`;

/** Opens the panel and activates it for the conversation of `situation`. */
export async function openPanel(browser: Browser, situation: Situation, look: Look = {}): Promise<Panel> {
  const page = await browser.open({ width: 360, height: 900, ...look });
  const sent: TemplateRequest[] = [];
  const strangers: string[] = [];
  const consoleErrors: string[] = [];
  let now = situation;

  page.on("console", (message) => message.type() === "error" && consoleErrors.push(message.text()));
  page.on("pageerror", (error) => consoleErrors.push(error.message));
  await page.exposeFunction("freshworksData", (name: "conversation" | "loggedInAgent") => ({ [name]: now[name] }));
  await page.exposeFunction("freshworksSetting", (name: string) =>
    name === "freshchat_url" ? { freshchat_url: iparams.freshchat_url } : {},
  );
  await page.exposeFunction("freshworksRequest", async (name: string, args: Record<string, unknown>) => {
    const request = expandTemplate({ iparams, name, args });
    sent.push(request);
    try {
      const { status, body } = await now.baton(request);
      return { status, response: body, headers: {} };
    } catch {
      return { status: 502, response: "Error in establishing a connection", headers: {} };
    }
  });
  await page.route("**/*", (route) => serve(route, strangers));
  await page.goto(`${APP}index.html`);
  const activate = async (change: Partial<Situation> = {}) => {
    now = { ...now, ...change };
    await page.evaluate("window.activate()");
  };
  await activate();
  return { page, sent, strangers, consoleErrors, activate };
}

function serve(route: Route, strangers: string[]): Promise<void> {
  const url = route.request().url();
  if (url === CLIENT) return route.fulfill({ contentType: "text/javascript", body: client });
  const component = CRAYONS.exec(url)?.[1];
  if (component !== undefined) {
    const headers = { "access-control-allow-origin": "*" };
    return realCrayons === undefined
      ? route.fulfill({ contentType: "text/javascript", body: crayonsStub, headers })
      : route.fulfill({ path: join(realCrayons, "dist/crayons", component), headers });
  }
  if (url.startsWith(APP)) {
    const file = join(appFolder, "app", new URL(url).pathname);
    if (!file.endsWith(".html")) return route.fulfill({ path: file });
    const html = readFileSync(file, "utf8").replace("{{{appclient}}}", CLIENT);
    return route.fulfill({ contentType: "text/html", body: html });
  }
  strangers.push(url);
  return route.abort();
}
