import type { ConnectorFactory } from "../src/ports.ts";
import { chatwoot } from "./chatwoot/index.ts";
import { freshchat } from "./freshchat/index.ts";

/** Every helpdesk that Baton speaks to. A new one costs its folder and a line here. */
export const connectors: readonly ConnectorFactory[] = [chatwoot, freshchat];
