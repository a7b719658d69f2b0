/** Where Chatwoot reaches a connection, and how our addresses are known again in its records. */
export interface Place {
  readonly batonUrl: string;
  readonly connectionId: string;
}

export const webhookAddress = ({ batonUrl, connectionId }: Place): string =>
  `${batonUrl}/webhooks/chatwoot/${connectionId}`;

export const appAddress = ({ batonUrl, connectionId }: Place): string => `${batonUrl}/apps/chatwoot/${connectionId}`;

/** True for this connection's webhook address, also with a secret at its end, and where Baton was before. */
export const isOurWebhook = (url: string | null | undefined, { connectionId }: Pick<Place, "connectionId">): boolean =>
  endsIn(url, ["webhooks", "chatwoot", connectionId], 1);

/** True for this connection's page in Chatwoot's conversation view, also where Baton was before. */
export const isOurApp = (url: string | null | undefined, { connectionId }: Pick<Place, "connectionId">): boolean =>
  endsIn(url, ["apps", "chatwoot", connectionId], 0);

/** The connection's id is random: nobody else's address holds it, whatever stands before it. */
function endsIn(given: string | null | undefined, wanted: readonly string[], moreParts: number): boolean {
  const path = URL.parse((given ?? "").trim())?.pathname.replace(/\/$/, "") ?? "";
  const parts = path.split("/").slice(1);
  const from = parts.findLastIndex((_, i) => wanted.every((part, j) => parts[i + j] === part));
  return from !== -1 && parts.length <= from + wanted.length + moreParts;
}

/** True where the host looks like one that only a private network knows. */
export function looksPrivate(batonUrl: string): boolean {
  const host = URL.parse(batonUrl)?.hostname ?? "";
  if (host.startsWith("[")) return /^\[(?:::1\]|f[cd]|fe[89ab])/.test(host);
  if (/^[\d.]+$/.test(host)) return /^(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)\./.test(host);
  return /\.(?:local|internal|lan|home|localhost)$/.test(host) || !host.includes(".");
}
