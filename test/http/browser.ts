import type { Reply, World } from "./harness.ts";

/** A browser with one page of Baton's own open: it keeps the cookie, and says where its requests come from. */
export interface Browser {
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  /** `name=value`; null without one. */
  cookie: string | null;
}

export function openBrowser(world: Pick<World, "call" | "url">, userAgent = FIREFOX): Browser {
  const browser: Browser = {
    cookie: null,
    async call(method, path, body, headers = {}) {
      const own: Record<string, string> = {
        "user-agent": userAgent,
        ...(browser.cookie === null ? {} : { cookie: browser.cookie }),
      };
      const page: Record<string, string> =
        method === "GET" ? { "sec-fetch-site": "same-origin" } : { origin: world.url, "x-baton": "1" };
      const reply = await world.call(method, path, { body, headers: { ...own, ...page, ...headers } });
      const set = reply.headers.get("set-cookie");
      if (set !== null) browser.cookie = set.includes("Max-Age=0") ? null : (set.split(";")[0] ?? null);
      return reply;
    },
  };
  return browser;
}

export const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
export const SAFARI =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** A member, added by the workspace's own token. */
export async function person(
  world: Pick<World, "call">,
  admin: string,
  role: "owner" | "admin" | "agent",
  name: string,
  email = `${name.toLowerCase()}@lamps.example`,
): Promise<Person> {
  const { body } = await world.call("POST", "/v1/members", { token: admin, body: { name, email, role } });
  return { id: body.id, name, email };
}

/** The code of a new sign-in link. */
export async function linkFor(world: Pick<World, "call">, admin: string, { id }: { id: string }): Promise<string> {
  const { body } = await world.call("POST", `/v1/members/${id}/sign-in-links`, { token: admin });
  return String(body.url).split("#")[1] ?? "";
}

/** A browser in which this member is signed in by a link. */
export async function signedIn(
  world: Pick<World, "call" | "url">,
  admin: string,
  member: { id: string },
  userAgent?: string,
): Promise<Browser> {
  const browser = openBrowser(world, userAgent);
  const { status } = await browser.call("POST", "/v1/session", { code: await linkFor(world, admin, member) });
  if (status !== 200) throw new Error(`signing in gave ${status}`);
  return browser;
}
