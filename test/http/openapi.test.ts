import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { documentedRoutes } from "../../src/http/documented-routes.ts";
import { openApiDocument } from "../../src/http/openapi.ts";
import { webhookOperations } from "../../src/http/openapi-webhooks.ts";
import { defineRoute } from "../../src/http/route.ts";
import { startWorld } from "./harness.ts";
import type { World } from "./harness.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

const written = JSON.parse(readFileSync(new URL("../../manifest/openapi.json", import.meta.url), "utf8"));
const document = () =>
  openApiDocument(documentedRoutes(), { baseUrl: "http://localhost:3000", webhooks: webhookOperations });

/** Every `$ref` of a document. */
function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : references(inner),
  );
}

describe("the OpenAPI document", () => {
  test("manifest/openapi.json is the one that the routes give (else: node src/http/write-openapi.ts)", () => {
    expect(written).toEqual(JSON.parse(JSON.stringify(document())));
  });

  test("every reference leads somewhere", () => {
    const all = references(written);
    expect(all.length).toBeGreaterThan(100);
    const target = (reference: string) =>
      reference
        .split("/")
        .slice(1)
        .reduce((inside, step) => inside?.[step], written);
    expect(all.filter((reference) => target(reference) === undefined)).toEqual([]);
  });

  test("every schema in it is a JSON Schema", () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: "doc", ...written });
    for (const name of Object.keys(written.components.schemas)) {
      expect(ajv.compile({ $ref: `doc#/components/schemas/${name}` })).toBeTypeOf("function");
    }
  });

  test("it says of a route what the route says", () => {
    const operation = written.paths["/v1/bots"].post;
    expect(operation).toMatchObject({
      operationId: "post_v1_bots",
      tags: ["Bots"],
      security: [{ token: ["admin"] }, { session: [] }],
    });
    expect(operation.parameters.map((one: { name: string }) => one.name)).toEqual(["Idempotency-Key"]);
    expect(operation.requestBody.content["application/json"].schema).toMatchObject({
      required: ["name"],
      additionalProperties: false,
      properties: { settings: { $ref: "#/components/schemas/HandoffSettings" } },
    });
    expect(Object.keys(operation.responses)).toEqual([
      "201",
      "400",
      "401",
      "403",
      "409",
      "413",
      "415",
      "422",
      "429",
      "503",
    ]);
    expect(written.paths["/v1/bots"].get.parameters.map((one: { name: string }) => one.name)).toEqual([
      "cursor",
      "limit",
    ]);
    expect(written.paths["/healthz"].get.security).toEqual([]);
  });

  test("a schema that is read otherwise than it is written becomes two, and so does what holds it", () => {
    const Inner = z.strictObject({ at: z.string().default("now") }).meta({ id: "Inner" });
    const Same = z.strictObject({ name: z.string() }).meta({ id: "Same" });
    const Outer = z.strictObject({ inner: Inner, same: Same }).meta({ id: "Outer" });
    const route = defineRoute({
      method: "PUT",
      path: "/x",
      summary: "x",
      tag: "x",
      scopes: ["admin"],
      body: Outer,
      responses: { 200: { description: "x", schema: Outer } },
      idempotent: false,
      handler: () => Promise.resolve({ status: 200 }),
    });
    const made = openApiDocument([route], { baseUrl: "http://x" });
    const names = ["Inner", "InnerInput", "Outer", "OuterInput", "Problem", "Same"];
    expect(Object.keys(made.components.schemas)).toEqual(names);
    expect(made.components.schemas["OuterInput"]).toMatchObject({
      properties: { inner: { $ref: "#/components/schemas/InnerInput" }, same: { $ref: "#/components/schemas/Same" } },
    });
    expect(made.components.schemas["Inner"]).toMatchObject({ required: ["at"] });
    expect(made.components.schemas["InnerInput"]).not.toHaveProperty("required");
  });

  test("it says what a bot is asked, and what it may answer", () => {
    const { post } = written.webhooks["turn.requested"];
    expect(post.requestBody.content["application/json"].schema).toEqual({ $ref: "#/components/schemas/TurnRequested" });
    expect(Object.keys(post.responses)).toEqual(["200", "202", "204"]);
    expect(Object.keys(post.responses["200"].headers)).toEqual([
      "webhook-id",
      "webhook-timestamp",
      "webhook-signature",
    ]);
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: "doc", ...written });
    const { $ref } = post.responses["200"].content["application/json"].schema;
    const takes = ajv.compile({ $ref: `doc${$ref}` });
    expect(takes({ messages: ["Hello", { text: "there" }], handoff: { reason: "asked" } })).toBe(true);
    expect(takes({ handoff: true })).toBe(true);
    expect(takes({ message: "Hello" })).toBe(false);
    expect(takes({ messages: [5] })).toBe(false);
  });

  test("is served, with this server's address", async () => {
    const { status, body } = await world.call("GET", "/v1/openapi.json");
    expect(status).toBe(200);
    expect(body.servers).toEqual([{ url: world.url }]);
    expect(body.paths).toHaveProperty("/v1/connections/{id}/check");
  });

  test("/docs is one page that loads and runs nothing", async () => {
    const { status, headers, text } = await world.call("GET", "/docs");
    expect(status).toBe(200);
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; /);
    expect(text).not.toMatch(/<script|<link|src=|@import|url\(/);
    expect(text).toContain('id="problem-human_in_control"');
    expect(text).toContain("<code>/v1/bots/{id}/settings</code>");
    expect(text).toContain("<code>turn.requested</code>");
  });
});
