import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import type { RequestHandler, Response } from "express";
import { contextOf } from "../http/context.ts";
import type { Store } from "../ports.ts";

const PUBLIC = fileURLToPath(new URL("public", import.meta.url));
const CHATWOOT_PAGE = readFileSync(new URL("public/chatwoot.html", import.meta.url), "utf8");
/** Where the page's file leaves room for the origin of its helpdesk. */
const HELPDESK_SLOT = 'data-helpdesk=""';

/** An origin that can stand in a policy and in an attribute as it is: hosts may hold more characters than these. */
const PLAIN_ORIGIN = /^https?:\/\/(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/**
 * Scripts, styles and calls of our own only, no script can make markup out of text, and one place that may frame the page.
 *
 * @param framedBy an origin, or `'none'`
 */
const policy = (framedBy: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    `frame-ancestors ${framedBy}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");

/**
 * `/apps`: pages that helpdesks show inside their own, and the page where their viewers sign in.
 *
 * A frame proves nothing about who looks at it. So the page itself is public and empty: whoever looks signs in to Baton, and what is
 * shown comes from the API with their own token.
 */
export function apps({ store }: { readonly store: Store }): RequestHandler {
  const router = Router();
  router.get("/chatwoot/:connectionId", async (request, response) => {
    contextOf(response).route = "/apps/chatwoot/{connectionId}";
    const origin = await originOf(store, request.params.connectionId);
    if (origin === null) {
      sendPage(response.status(404), CHATWOOT_PAGE, policy("'none'"));
      return;
    }
    // It would forbid every frame, also the one that `frame-ancestors` allows.
    response.removeHeader("X-Frame-Options");
    sendPage(response, CHATWOOT_PAGE.replace(HELPDESK_SLOT, `data-helpdesk="${origin}"`), policy(origin));
  });
  router.get("/sign-in", (_request, response) => {
    contextOf(response).route = "/apps/sign-in";
    // The page hands the token to the window that opened it, which this header would take away. It does so to our own origin only.
    response.removeHeader("Cross-Origin-Opener-Policy");
    response.setHeader("Content-Security-Policy", policy("'none'"));
    response.sendFile("sign-in.html", { root: PUBLIC, cacheControl: false });
  });
  router.use("/assets", (_request, response, next) => {
    contextOf(response).route = "/apps/assets";
    response.setHeader("Content-Security-Policy", policy("'none'"));
    next();
  });
  router.use("/assets", express.static(PUBLIC, { redirect: false, index: false, cacheControl: false }));
  return router;
}

function sendPage(response: Response, html: string, contentPolicy: string): void {
  response.setHeader("Content-Security-Policy", contentPolicy);
  response.type("html").send(html);
}

/** The origin of the connection's Chatwoot; null for whatever is none, or has none that can be named. */
async function originOf(store: Store, connectionId: string): Promise<string | null> {
  const connection = await store.read.connectionById(connectionId.slice(0, 100));
  const baseUrl = connection?.type === "chatwoot" ? connection.config["baseUrl"] : undefined;
  const origin = typeof baseUrl === "string" ? (URL.parse(baseUrl)?.origin ?? "") : "";
  return PLAIN_ORIGIN.test(origin) ? origin : null;
}
