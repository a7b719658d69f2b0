/** Writes manifest/openapi.json from the route table: `node src/http/write-openapi.ts`. A test holds the two together. */
import { mkdirSync, writeFileSync } from "node:fs";
import { documentedRoutes } from "./documented-routes.ts";
import { openApiDocument } from "./openapi.ts";
import { webhookOperations } from "./openapi-webhooks.ts";

const directory = new URL("../../manifest/", import.meta.url);
mkdirSync(directory, { recursive: true });
const document = openApiDocument(documentedRoutes(), {
  baseUrl: "http://localhost:3000",
  webhooks: webhookOperations,
});
writeFileSync(new URL("openapi.json", directory), `${JSON.stringify(document, null, 2)}\n`);
