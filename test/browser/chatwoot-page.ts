import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Frame, Page } from "playwright-core";

/**
 * Chatwoot's part in the browser: a page on Chatwoot's own origin with the app in a frame, which answers as Chatwoot's dashboard
 * does (facts sheet, section 7). With `?app=` the frame's address, `?conversation=` what is open, and `?delay=` or `?mute` for
 * how it answers.
 */
const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Conversations</title>
<style>
  html, body { margin: 0; height: 100%; } body { display: flex; flex-direction: column; }
  iframe { flex: 1; width: 100%; border: 0; } iframe[hidden] { display: none; }
</style></head>
<body><iframe id="app" title="Baton"></iframe>
<script>
  const wanted = new URLSearchParams(location.search);
  const frame = document.getElementById("app");
  window.asked = [];
  window.conversationId = Number(wanted.get("conversation"));
  window.context = () => ({
    event: "appContext",
    data: {
      conversation: { id: window.conversationId, status: "open", messages: [{ id: 1, content: "Where is my order?" }] },
      contact: { id: 5, name: "Ana", email: "ana@example.com" },
      currentAgent: { id: 7, name: "Alex Agent", email: "alex@acme.example" },
    },
  });
  window.tell = (data) => frame.contentWindow.postMessage(data, "*");
  const answer = () => wanted.has("mute") || window.tell(JSON.stringify(window.context()));
  frame.addEventListener("load", answer);
  window.addEventListener("message", (event) => {
    if (event.data !== "chatwoot-dashboard-app:fetch-info") return;
    window.asked.push(event.origin);
    answer();
  });
  frame.src = wanted.get("app");
</script></body></html>`;

/** Serves the page under `/app`; for the simulator's \`intercept\`. */
export function playDashboard(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method !== "GET" || !request.url?.startsWith("/app?")) return false;
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(PAGE);
  return true;
}

/** The same page on an origin that Baton knows nothing of. */
export async function startForeignSite(): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (!playDashboard(request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Tab {
  readonly page: Page;
  /** The app inside. */
  readonly app: Frame;
  /** Errors of any page of the tab, and requests that left loopback. */
  readonly faults: string[];
}

/** Opens a conversation in the Chatwoot at `site`, with the app's tab chosen. */
export async function openTab(
  page: Page,
  of: { site: string; app: string; conversation: number | string; also?: string },
): Promise<Tab> {
  const faults: string[] = [];
  page.on("console", (message) => {
    // The browser itself writes of every answer that is an error: those are part of the story.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.context().on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && !["127.0.0.1", "localhost"].includes(hostname)) faults.push(request.url());
  });
  const query = new URLSearchParams({ app: of.app, conversation: String(of.conversation) });
  await page.goto(`${of.site}/app?${query.toString()}${of.also ?? ""}`);
  const app = await (await page.waitForSelector("#app")).contentFrame();
  if (app === null) throw new Error("there is no frame");
  return { page, app, faults };
}
