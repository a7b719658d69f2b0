/** A release of Chatwoot, and what it can do (contract sheet 10). */
export interface Version {
  readonly text: string;
  /** Account webhooks carry a signature. */
  readonly signsAccountWebhooks: boolean;
  /** Webhooks of API inboxes and of agent bots carry a signature. */
  readonly signsInboxes: boolean;
  /** Agent bots are told of status changes; before, only an account webhook tells them. */
  readonly tellsBotsStatus: boolean;
  /** A conversation can be given to an agent bot; before, the bot's number was taken for a user's. */
  readonly assignsBots: boolean;
  /** An agent bot may read a conversation (since 4.14.2, of which the next minor release is sure). */
  readonly letsBotsRead: boolean;
  /** Sends no webhook to a private address, unless its operator allows it. */
  readonly refusesPrivateAddresses: boolean;
}

/** Reads what `GET /api` answers, such as "4.16.2". What cannot be read (a build of somebody's own) counts as the newest. */
export function versionOf(text: string): Version {
  const has = (major: number, minor: number): boolean => isAtLeast(text, major, minor);
  return {
    text,
    signsAccountWebhooks: has(4, 12),
    signsInboxes: has(4, 13),
    tellsBotsStatus: has(4, 13),
    assignsBots: has(4, 8),
    letsBotsRead: has(4, 15),
    refusesPrivateAddresses: has(4, 14),
  };
}

function isAtLeast(text: string, major: number, minor: number): boolean {
  const numbers = /^\D{0,10}(\d{1,6})(?:\.(\d{1,6}))?/.exec(text);
  if (!numbers) return true;
  const [given, givenMinor] = [Number(numbers[1]), Number(numbers[2] ?? 0)];
  return given > major || (given === major && givenMinor >= minor);
}

/** What an older release lacks, for the admin; empty for a release that has everything. */
export function lostWith(version: Version): string {
  if (version.signsInboxes) return "";
  const signatures = version.signsAccountWebhooks
    ? "It does not sign the webhooks of inboxes and bots yet (4.13 does)"
    : "It does not sign webhooks yet (4.13 does)";
  return (
    `${signatures}, so the secret at the end of the webhook address is the only proof, and Baton reads everything again ` +
    "from Chatwoot; and it does not tell bots of status changes, which an account webhook makes good."
  );
}
