import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newSigningSecret } from "./http/routes/bots.ts";
import { linkUrl, makeLink } from "./http/routes/sign-in.ts";
import { recordToken, signed, YEAR_SECONDS } from "./http/routes/tokens.ts";
import { newId } from "./ids.ts";
import type { Parts } from "./build.ts";
import { botSecretContext } from "./secrets/contexts.ts";

/** What the first start leaves for scripts, in `first-run.json` (design.md section 7). */
export interface FirstRun {
  readonly workspaceId: string;
  readonly adminToken: string;
  readonly botId: string;
  readonly botToken: string;
  readonly botSigningSecret: string;
  /** Signs the first owner in: once, within a week. */
  readonly signInUrl: string;
}

/** Whoever sets a server up may want to look at it another day. */
const FIRST_LINK_MINUTES = 7 * 24 * 60;

export const FIRST_RUN_FILE = "first-run.json";

/**
 * On an empty store: makes a workspace with an owner and a bot, and writes their tokens and a sign-in link down, readable by the
 * user alone that the server runs as.
 *
 * @returns null when there is a workspace already
 */
export async function firstRun(parts: Parts, dataDir: string): Promise<FirstRun | null> {
  const { store, tokens, sealer, clock } = parts;
  const path = join(dataDir, FIRST_RUN_FILE);
  if ((await store.read.workspaces()).length > 0) return null;
  const now = clock();
  const workspaceId = newId("workspace");
  const botId = newId("bot");
  const botSigningSecret = newSigningSecret();
  const made = await store.write(async (tx) => {
    // Two processes may start on one empty database: one of them is the first.
    await tx.lock("first start");
    if ((await tx.workspaces()).length > 0) return null;
    await tx.createWorkspace({ id: workspaceId, name: "My business", createdAt: now });
    await tx.createBot({
      id: botId,
      workspaceId,
      name: "My bot",
      settings: {},
      settingsVersion: 1,
      callbackUrl: null,
      messageUrl: null,
      sealedSecret: sealer.seal(botSigningSecret, botSecretContext(workspaceId, botId)),
      createdAt: now,
    });
    const memberId = newId("member");
    await tx.createMember({
      id: memberId,
      workspaceId,
      name: "Owner",
      email: null,
      role: "owner",
      onlineUntil: null,
      createdAt: now,
    });
    const common = { workspaceId, name: "first start", expiresInSeconds: YEAR_SECONDS, now };
    return {
      admin: await recordToken(tx, { ...common, scope: "admin", subject: workspaceId }),
      bot: await recordToken(tx, { ...common, scope: "bot", subject: botId }),
      link: await makeLink(tx, { workspaceId, memberId }, { now, minutes: FIRST_LINK_MINUTES }),
    };
  });
  if (made === null) return null;
  const run: FirstRun = {
    workspaceId,
    adminToken: signed(tokens, made.admin),
    botId,
    botToken: signed(tokens, made.bot),
    botSigningSecret,
    signInUrl: linkUrl(parts.baseUrl(), made.link.code),
  };
  writePrivately(path, `${JSON.stringify(run, null, 2)}\n`);
  return run;
}

/** Whole or not at all, and never readable by others, not even for a moment. */
function writePrivately(path: string, text: string): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: 0o600, flag: "wx" });
  renameSync(draft, path);
}
