import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import type { Request, RequestHandler, Response } from "express";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { z } from "zod";
import type { Parts } from "../build.ts";
import { HandoffError } from "../domain/errors.ts";
import { checkContentType, parseJsonBody, readBytes } from "../http/body.ts";
import { contextOf } from "../http/context.ts";
import { parseGiven } from "../http/faults.ts";
import type { Mount } from "../http/server.ts";
import { newId } from "../ids.ts";
import { AskBody, ChangeBody, createBot, StartBody, TurnBody } from "./bot.ts";
import { deskMember } from "./desk.ts";
import { isLocalCaller } from "./local-caller.ts";

const BODY_LIMIT = 16 * 1024;
/** Of one address, over everything the demo serves besides files. */
const CALLS_PER_MINUTE = 300;
const STARTS_PER_MINUTE = 30;
const SHORT_SECONDS = 60;
const DESK_SECONDS = 8 * 3_600;

/** Scripts and styles come from files beside the page, and no script can make markup out of text. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/**
 * `/demo`: a shop page with a scripted bot, for a first look. The page and its bot are clients of the API like any other; only
 * their tokens are made here, for the first bot of the first workspace. Not for production.
 */
export function demo(parts: Parts): Mount[] {
  const router = Router();
  router.use("/bot", botRouter(parts));
  router.use("/desk", deskRouter(parts));
  router.use(pages());
  return [{ path: "/demo", handler: router }];
}

const PUBLIC = fileURLToPath(new URL("public", import.meta.url));

function pages(): RequestHandler {
  const router = Router();
  router.use((_request, response, next) => {
    contextOf(response).route = "/demo";
    response.setHeader("Content-Security-Policy", PAGE_POLICY);
    next();
  });
  router.get("/", (_request, response) => response.sendFile("index.html", { root: PUBLIC, cacheControl: false }));
  router.use(express.static(PUBLIC, { redirect: false, index: false, cacheControl: false }));
  return router;
}

function botRouter(parts: Parts): RequestHandler {
  const router = Router();
  const bot = async (request: Request) => {
    const { workspaceId, botId } = await firstBot(parts);
    const botToken = mint(parts, { scope: "bot", workspaceId, subject: botId, ttlSeconds: SHORT_SECONDS });
    return createBot({ baseUrl: apiAt(request), botToken });
  };
  router.use(perMinute(CALLS_PER_MINUTE));
  router.post("/conversations", perMinute(STARTS_PER_MINUTE), async (request, response) => {
    const body = await read(request, response, StartBody);
    response.status(201).json(await (await bot(request)).start(body));
  });
  router.put("/conversations", async (request, response) => {
    const body = await read(request, response, ChangeBody);
    response.json(await (await bot(request)).change(body, visitorTokenOf(request)));
  });
  router.post("/turns", async (request, response) => {
    const body = await read(request, response, TurnBody);
    response.json(await (await bot(request)).turn(body, visitorTokenOf(request)));
  });
  router.post("/handoffs", async (request, response) => {
    const body = await read(request, response, AskBody);
    response.json(await (await bot(request)).ask(body, visitorTokenOf(request)));
  });
  return router;
}

function deskRouter(parts: Parts): RequestHandler {
  const router = Router();
  router.use(perMinute(CALLS_PER_MINUTE));
  router.get("/", (request, response) => {
    contextOf(response).route = "/demo/desk";
    response.json({ available: isLocalCaller(request, parts.baseUrl()) });
  });
  router.post("/", async (request, response) => {
    contextOf(response).route = "/demo/desk";
    // To anybody else it does not exist.
    if (!isLocalCaller(request, parts.baseUrl())) throw new HandoffError("not_found");
    const { workspaceId } = await firstBot(parts);
    const adminToken = mint(parts, {
      scope: "admin",
      workspaceId,
      subject: workspaceId,
      ttlSeconds: SHORT_SECONDS,
    });
    const { id, name } = await deskMember(apiAt(request), adminToken);
    const token = mint(parts, { scope: "agent", workspaceId, subject: id, ttlSeconds: DESK_SECONDS });
    response.status(201).json({ token, member: { id, name } });
  });
  return router;
}

/** Where this very request came in: the API is there too, also when BASE_URL cannot be reached from here. */
function apiAt({ socket }: Request): string {
  const address = (socket.localAddress ?? "127.0.0.1").replace(/^::ffff:(?=\d+\.)/i, "");
  return `http://${address.includes(":") ? `[${address}]` : address}:${socket.localPort}`;
}

async function firstBot({ store }: Parts): Promise<{ workspaceId: string; botId: string }> {
  for (const workspace of await store.read.workspaces()) {
    const [bot] = await store.read.bots(workspace.id);
    if (bot !== undefined) return { workspaceId: workspace.id, botId: bot.id };
  }
  throw new HandoffError("conflict", "The demo needs a workspace with a bot; the first start makes them.");
}

function mint(
  { tokens }: Parts,
  of: { scope: "bot" | "admin" | "agent"; workspaceId: string; subject: string; ttlSeconds: number },
): string {
  return tokens.issue({ ...of, jti: newId("token") });
}

async function read<Schema extends z.ZodType>(
  request: Request,
  response: Response,
  schema: Schema,
): Promise<z.output<Schema>> {
  contextOf(response).route = `/demo/bot${request.path}`;
  checkContentType(request);
  const bytes = await readBytes(request, BODY_LIMIT);
  return parseGiven(schema, parseJsonBody(bytes, request.headers["content-type"]));
}

function visitorTokenOf(request: Request): string {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (token === undefined) throw new HandoffError("unauthenticated");
  return token;
}

function perMinute(points: number): RequestHandler {
  const limiter = new RateLimiterMemory({ points, duration: 60 });
  return async (request, _response, next) => {
    try {
      await limiter.consume(request.ip ?? "");
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      const retryAfterSeconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
      throw new HandoffError("too_many_requests", undefined, { retryAfterSeconds });
    }
    next();
  };
}
