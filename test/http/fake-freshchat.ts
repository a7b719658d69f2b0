import { z } from "zod";
import type { CheckReport, Choice, Connector, ConnectorFactory } from "../../src/ports.ts";

/** A FreshChat that is only asked about itself: what an installation finds there is what the test says. */
export interface FakeFreshchat {
  readonly factory: ConnectorFactory;
  channels: Choice[];
  groups: Choice[];
  report: CheckReport;
  /** What `choices` rejects with; null: it answers. */
  failure: Error | null;
  /** Awaited before anything is answered. */
  pause: Promise<void>;
  /** The configurations that connectors were made with. */
  readonly configs: Record<string, unknown>[];
  /** What `check` was handed. */
  readonly seen: (Date | null)[];
}

const Config = z.strictObject({
  baseUrl: z.string().transform((text, context) => {
    const host = /^(?:https:\/\/)?([a-z0-9-]+\.freshchat\.com)(?:\/.*)?$/i.exec(text.trim())?.[1];
    if (host !== undefined) return `https://${host.toLowerCase()}`;
    context.addIssue({ code: "custom", message: "must end in .freshchat.com" });
    return z.NEVER;
  }),
  apiToken: z.string().regex(/^\S+$/, "must not contain spaces"),
  channelId: z.string().nullish(),
  groupId: z.string().nullish(),
  conversationProperties: z.record(z.string(), z.unknown()).default({}),
  webhookPublicKey: z.string().nullish(),
  agentId: z.string().nullish(),
  appId: z.string().nullish(),
  eventsVia: z.enum(["webhook", "app"]).default("webhook"),
  installedWith: z.string().nullish(),
});

const usable = (value: string, label: string): Choice => ({ value, label, usable: true });

export function fakeFreshchat(): FakeFreshchat {
  const fake: FakeFreshchat = {
    channels: [usable("chn-1", "Website"), usable("chn-2", "Shop")],
    groups: [usable("grp-1", "Support")],
    report: { ok: true, findings: [{ step: "reach", ok: true, message: "It answers.", fix: null }], about: {} },
    failure: null,
    pause: Promise.resolve(),
    configs: [],
    seen: [],
    factory: {
      type: "freshchat",
      title: "FreshChat",
      parseConfig: (given) => Config.parse(given),
      secretFields: ["apiToken"],
      configSchema: {},
      hostFields: ["baseUrl"],
      create(config) {
        fake.configs.push(Config.parse(config));
        const asked: Pick<Connector, "choices" | "check"> = {
          async choices() {
            await fake.pause;
            if (fake.failure !== null) throw fake.failure;
            return { channelId: fake.channels, groupId: fake.groups };
          },
          async check({ lastWebhookAt }) {
            await fake.pause;
            fake.seen.push(lastWebhookAt);
            return fake.report;
          },
        };
        return { ...fakeConnector(), ...asked };
      },
    },
  };
  return fake;
}

/** Reads events as `{ event, conversation }`, and is told no more than that. */
export const fakeConnector = (): Connector =>
  ({
    toInbound: (payload: { event: string; conversation?: string; id?: string }) => ({
      dedupeKey: `${payload.event} ${payload.id ?? ""}`,
      events: payload.conversation === undefined ? [] : [{ type: "changed", conversationId: payload.conversation }],
    }),
  }) as unknown as Connector;
