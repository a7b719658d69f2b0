import { hash } from "node:crypto";
import type { RequestHandler } from "express";
import { contextOf } from "./context.ts";
import { docsPage, DOCS_STYLE } from "./docs-page.ts";
import { openApiDocument } from "./openapi.ts";
import { webhookOperations } from "./openapi-webhooks.ts";
import { respond } from "./respond.ts";
import type { Route } from "./route.ts";

/** What describes the API, made from the route table when first asked for: the OpenAPI document, and a page to read. */
export function documentPages(options: {
  readonly routes: readonly Route[];
  readonly baseUrl: () => string;
}): [path: string, handler: RequestHandler][] {
  let made: { baseUrl: string; json: string; html: string } | undefined;
  const documents = () => {
    const baseUrl = options.baseUrl();
    if (made?.baseUrl !== baseUrl) {
      const document = openApiDocument(options.routes, { baseUrl, webhooks: webhookOperations });
      made = { baseUrl, json: JSON.stringify(document), html: docsPage(document) };
    }
    return made;
  };
  const policy =
    `default-src 'none'; style-src 'sha256-${hash("sha256", DOCS_STYLE, "base64")}'; base-uri 'none'; ` +
    "form-action 'none'; frame-ancestors 'none'";
  return [
    [
      "/v1/openapi.json",
      (_request, response) => {
        contextOf(response).route = "/v1/openapi.json";
        respond(response, { status: 200, type: "application/json; charset=utf-8", text: documents().json });
      },
    ],
    [
      "/docs",
      (_request, response) => {
        contextOf(response).route = "/docs";
        const headers = { "Content-Security-Policy": policy };
        respond(response, { status: 200, type: "text/html; charset=utf-8", text: documents().html, headers });
      },
    ],
  ];
}
