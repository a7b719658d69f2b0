import { randomBytes } from "node:crypto";
import { z } from "zod";
import { HttpUrl } from "../../domain/conversation.ts";
import { HandoffError } from "../../domain/errors.ts";
import { newId } from "../../ids.ts";
import type { Bot } from "../../ports-store.ts";
import { botSecretContext } from "../../secrets/contexts.ts";
import { SealingError } from "../../secrets/sealing.ts";
import type { Sealer } from "../../secrets/sealing.ts";
import { defineRoute } from "../route.ts";
import type { Route } from "../route.ts";
import { found, Instant, mapPage, Name, pageOf, PageQuery, sliceOf } from "../shapes.ts";
import {
  botSettingsRoutes,
  checkDestinations,
  patched,
  rawOf,
  SettingsGiven,
  SettingsPatch,
  SettingsShown,
  showSettings,
} from "./bot-settings.ts";
import type { AdminDeps } from "./deps.ts";
import { IssuedToken, issuedAnswer, recordToken, TokenOrder } from "./tokens.ts";

const CallbackUrl = HttpUrl.nullish().meta({
  description: "Where the bot is told what happens (signed, Standard Webhooks); a request may name another",
});

const MessageUrl = HttpUrl.nullish().meta({
  description:
    "Where Baton asks the bot what it says, in conversations that Baton hosts (a helpdesk's own inboxes, WhatsApp): see the webhook " +
    "`turn.requested`. `null`: nobody is asked",
});

const BotShown = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    callbackUrl: z.string().nullable(),
    messageUrl: z.string().nullable(),
    settings: SettingsShown,
    settingsVersion: z.int(),
    createdAt: Instant,
  })
  .meta({ id: "Bot" });
const BotWithSecret = BotShown.extend({ signingSecret: z.string() }).meta({ id: "NewBot" });

const SecretShown = z
  .strictObject({ signingSecret: z.string() })
  .meta({ id: "SigningSecret", description: "Signs callbacks to the bot and webhooks from it (Standard Webhooks)" });

const show = (bot: Bot): z.infer<typeof BotShown> => ({
  id: bot.id,
  name: bot.name,
  callbackUrl: bot.callbackUrl,
  messageUrl: bot.messageUrl,
  settings: showSettings(bot),
  settingsVersion: bot.settingsVersion,
  createdAt: bot.createdAt.toISOString(),
});

/** A new secret in the form that Standard Webhooks gives it. */
export const newSigningSecret = (): string => `whsec_${randomBytes(24).toString("base64")}`;

function openSecret(sealer: Sealer, bot: Bot): string {
  try {
    return sealer.open(bot.sealedSecret, botSecretContext(bot.workspaceId, bot.id));
  } catch (error) {
    if (!(error instanceof SealingError)) throw error;
    throw new HandoffError("conflict", `${error.message} Or rotate the bot's secret.`, { cause: error });
  }
}

export function botRoutes(deps: AdminDeps): Route[] {
  const { store, sealer, tokens } = deps;
  const read = async (workspaceId: string, id: string | undefined) =>
    found(await store.read.bot(workspaceId, id ?? ""));
  const secretOf = (bot: Bot) => openSecret(sealer, bot);

  /** Told at once when a URL can never be reached; names are judged when a connection is made. */
  function checkUrls(urls: Partial<Record<"callbackUrl" | "messageUrl", string | null | undefined>>): void {
    const faults = (["callbackUrl", "messageUrl"] as const).flatMap((path) => {
      const url = urls[path];
      const message = url ? deps.outgoing.urlFault(url) : null;
      return message === null ? [] : [{ path, message, code: "refused_address" }];
    });
    if (faults.length > 0) throw new HandoffError("validation_failed", undefined, { faults });
  }

  return [
    defineRoute({
      method: "POST",
      path: "/v1/bots",
      summary: "Create a bot",
      description: "With no settings it works as it is: always open, into the built-in inbox.",
      tag: "Bots",
      scopes: ["admin"],
      body: z.strictObject({
        name: Name,
        settings: SettingsGiven.optional(),
        callbackUrl: CallbackUrl,
        messageUrl: MessageUrl,
      }),
      responses: { 201: { description: "The bot, with the secret that signs its callbacks", schema: BotWithSecret } },
      idempotent: true,
      async handler({ principal, body, given, now, unit }) {
        checkUrls(body);
        const { workspaceId } = principal;
        const settings = rawOf(given.settings);
        const made = await unit(async (tx) => {
          await tx.lockWorkspace(workspaceId);
          await checkDestinations(tx, workspaceId, settings, "settings");
          const id = newId("bot");
          const bot: Bot = {
            id,
            workspaceId,
            name: body.name,
            settings,
            settingsVersion: 1,
            callbackUrl: body.callbackUrl ?? null,
            messageUrl: body.messageUrl ?? null,
            sealedSecret: sealer.seal(newSigningSecret(), botSecretContext(workspaceId, id)),
            createdAt: now,
          };
          await tx.createBot(bot);
          return { status: 201, body: show(bot) };
        });
        const signingSecret = secretOf(await read(workspaceId, made.body.id));
        return { status: made.status, body: { ...made.body, signingSecret } };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/bots",
      summary: "List bots",
      tag: "Bots",
      scopes: ["admin"],
      query: PageQuery,
      responses: { 200: { description: "The workspace's bots", schema: pageOf(BotShown) } },
      idempotent: false,
      async handler({ principal, query }) {
        const bots = await store.read.bots(principal.workspaceId);
        return { status: 200, body: mapPage(sliceOf(bots, query), show) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/bots/{id}",
      summary: "Read a bot",
      tag: "Bots",
      scopes: ["admin"],
      responses: { 200: { description: "The bot", schema: BotShown } },
      idempotent: false,
      async handler({ principal, params }) {
        return { status: 200, body: show(await read(principal.workspaceId, params["id"])) };
      },
    }),
    defineRoute({
      method: "PATCH",
      path: "/v1/bots/{id}",
      summary: "Change a bot",
      description: "Only what is given changes; settings field by field, as in PATCH /v1/bots/{id}/settings.",
      tag: "Bots",
      scopes: ["admin"],
      body: z.strictObject({
        name: Name.optional(),
        settings: SettingsPatch.optional(),
        callbackUrl: CallbackUrl,
        messageUrl: MessageUrl,
      }),
      responses: { 200: { description: "The bot as it is now", schema: BotShown } },
      idempotent: true,
      async handler({ principal, params, body, given, unit }) {
        checkUrls(body);
        return unit(async (tx) => {
          await tx.lockWorkspace(principal.workspaceId);
          const bot = found(await tx.bot(principal.workspaceId, params["id"] ?? ""));
          const settings = patched(bot.settings, given.settings ?? {});
          if (given.settings !== undefined) await checkDestinations(tx, bot.workspaceId, settings, "settings");
          const patch = {
            ...(body.name === undefined ? {} : { name: body.name }),
            ...(body.callbackUrl === undefined ? {} : { callbackUrl: body.callbackUrl }),
            ...(body.messageUrl === undefined ? {} : { messageUrl: body.messageUrl }),
            ...(given.settings === undefined ? {} : { settings, settingsVersion: bot.settingsVersion + 1 }),
          };
          if (Object.keys(patch).length > 0) await tx.updateBot(bot.workspaceId, bot.id, patch);
          return { status: 200, body: show({ ...bot, ...patch }) };
        });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/bots/{id}/secret",
      summary: "Show a bot's signing secret",
      description: "The bot's developer needs it to check callbacks.",
      tag: "Bots",
      scopes: ["admin"],
      responses: { 200: { description: "The secret", schema: SecretShown } },
      idempotent: false,
      async handler({ principal, params }) {
        return { status: 200, body: { signingSecret: secretOf(await read(principal.workspaceId, params["id"])) } };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/bots/{id}/secret/rotate",
      summary: "Replace a bot's signing secret",
      description:
        "From now on callbacks are signed with the new one, and webhooks signed with the old one are refused.",
      tag: "Bots",
      scopes: ["admin"],
      responses: { 200: { description: "The new secret", schema: SecretShown } },
      idempotent: true,
      async handler({ principal, params, unit }) {
        const { workspaceId } = principal;
        const { status } = await unit(async (tx) => {
          const { id } = found(await tx.bot(workspaceId, params["id"] ?? ""));
          const sealedSecret = sealer.seal(newSigningSecret(), botSecretContext(workspaceId, id));
          await tx.updateBot(workspaceId, id, { sealedSecret });
          return { status: 200, body: null };
        });
        return { status, body: { signingSecret: secretOf(await read(workspaceId, params["id"])) } };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/bots/{id}/tokens",
      summary: "Issue a bot's token",
      tag: "Bots",
      scopes: ["admin"],
      body: TokenOrder,
      responses: { 201: { description: "A token of scope `bot`", schema: IssuedToken } },
      idempotent: true,
      async handler({ principal, params, body, now, unit }) {
        const { workspaceId } = principal;
        const made = await unit(async (tx) => {
          const { id } = found(await tx.bot(workspaceId, params["id"] ?? ""));
          const order = { scope: "bot", workspaceId, subject: id, name: body.name ?? null } as const;
          return {
            status: 201,
            body: await recordToken(tx, { ...order, expiresInSeconds: body.expiresInSeconds, now }),
          };
        });
        return issuedAnswer(tokens, made);
      },
    }),
    ...botSettingsRoutes(deps),
  ];
}
