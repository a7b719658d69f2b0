/** Vendor hosts that look like an account's and are none: by name, what they are instead. */
const noAccounts: Readonly<Record<string, string>> = {
  "freshchat.com": "that is the vendor's web site",
  "www.freshchat.com": "that is the vendor's web site",
  "support.freshchat.com": "that is the vendor's help site",
  "developers.freshchat.com": "that is the vendor's documentation",
  "web.freshchat.com": "that is the page where agents work",
  "wchat.freshchat.com": "that is where the chat widget is loaded from",
  "myfreshworks.com": "that is the vendor's web site",
  "www.myfreshworks.com": "that is the vendor's web site",
};

const remedy = "paste the chat URL shown beside the API token, such as https://acme-123.freshchat.com";

type Read = { readonly url: string; readonly fault: null } | { readonly url: null; readonly fault: string };

/**
 * The address of an account, from any address of it that people paste: a page, the bare host, with `/v2` or without.
 *
 * Only names ending in `.freshchat.com` or `.myfreshworks.com` over https are an account's (sheet 1.1), and loopback, where tests
 * and simulators live, over http as well.
 *
 * @returns `https://<host>` without path, or what is wrong, in words for the admin. Never throws.
 */
export function readBaseUrl(text: string): Read {
  const trimmed = text.trim();
  if (trimmed === "") return faulty(`must not be empty: ${remedy}`);
  if (/\s/.test(trimmed) || trimmed.length > 2_048) return faulty(`must be one address: ${remedy}`);
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed.replace(/^\/\//, "")}`);
  if (!url?.hostname || !["http:", "https:"].includes(url.protocol))
    return faulty(`is no address of FreshChat: ${remedy}`);
  if (url.username || url.password) return faulty(`must not hold a user name or password: ${remedy}`);
  if (isLoopback(url.hostname)) return { url: url.origin, fault: null };
  return readVendorUrl(url);
}

/** As `readBaseUrl`: the address, or null for what is none of an account. */
export const normaliseBaseUrl = (text: string): string | null => readBaseUrl(text).url;

function readVendorUrl(url: URL): Read {
  const host = url.hostname.replace(/\.$/, "");
  const instead = noAccounts[host];
  if (instead !== undefined) return faulty(`does not lead to an account: ${instead}; ${remedy}`);
  if (/^msdk(?:\.[a-z]+)?\.freshchat\.com$/.test(host)) {
    return faulty(`does not lead to an account: that is the host of the mobile SDK; ${remedy}`);
  }
  if (/(?:^|\.)freshworks\.com$/.test(host)) return faulty(`that is the page of the admin console; ${remedy}`);
  if (/(?:^|\.)(?:freshdesk|freshservice|freshsales|freshcaller)\.(?:com|io)$/.test(host)) {
    return faulty(`that is another product of Freshworks; ${remedy}`);
  }
  if (!/^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+(?:freshchat|myfreshworks)\.com$/.test(host)) {
    return faulty(`must end in .freshchat.com or .myfreshworks.com: ${remedy}`);
  }
  if (url.protocol !== "https:") return faulty("must begin with https://, so that nobody on the way reads the token");
  if (url.port !== "") return faulty(`must not name a port: ${remedy}`);
  return { url: `https://${host}`, fault: null };
}

const faulty = (fault: string): Read => ({ url: null, fault });

/** Written as the URL parser leaves it: `127.1` and `0x7f.1` have become `127.0.0.1` by then. */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
