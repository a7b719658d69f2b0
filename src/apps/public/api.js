/** Baton's API as these pages use it. Nothing here throws: what went wrong is a state that the page has words for. */

const TIMEOUT_MS = 15_000;
const MESSAGES_PER_PAGE = 500;

/** Makes a press of a button one act, however often it is sent. By hand, since randomUUID is missing on plain http. */
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");

/**
 * @returns {Promise<{ state: "answered" | "foreign" | "expired" | "signed-out" | "over" | "second-factor" | "refused" | "crowded" | "unreachable", body?: unknown, detail?: string }>}
 */
async function call(method, path, { token, body, key } = {}) {
  const headers = {
    Accept: "application/json",
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(body !== undefined && { "Content-Type": "application/json" }),
    ...(key !== undefined && { "Idempotency-Key": key }),
  };
  try {
    const response = await fetch(path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 204) return { state: "answered" };
    const told = await response.json();
    if (response.ok) return { state: "answered", body: told };
    return { state: stateOf(response.status, told), detail: typeof told?.detail === "string" ? told.detail : "" };
  } catch {
    return { state: "unreachable" };
  }
}

/** An error is Baton's own only when it says so the way Baton does: else some other server answers here. */
function stateOf(status, problem) {
  if (typeof problem?.code !== "string") return "unreachable";
  if (status === 401) return problem.code === "token_expired" ? "expired" : "signed-out";
  if (problem.code === "second_factor_needed") return "second-factor";
  if (["sign_in_refused", "credentials_refused"].includes(problem.code) || status === 422) return "refused";
  if (status === 403) return "signed-out";
  const byStatus = { 404: "foreign", 409: "over", 429: "crowded" };
  return byStatus[status] ?? "unreachable";
}

/** Signs in by a link's code: `body` is a session. `second`: what an authenticator app shows, or a recovery code; "" for none. */
export async function signIn(code, second = "") {
  const given = second.trim();
  const factor = given === "" ? {} : /^\d{6}$/.test(given) ? { totp: given } : { recoveryCode: given };
  const answer = await call("POST", "/v1/sign-in", { body: { code, ...factor } });
  if (answer.state !== "answered") return answer;
  return { state: "answered", body: { token: answer.body?.token, name: answer.body?.member?.name } };
}

/** Whether a session still stands; null when Baton does not say. */
export async function isSignedIn({ token }) {
  const { state } = await call("GET", "/v1/members?limit=1", { token });
  if (state === "answered") return true;
  return state === "signed-out" || state === "expired" ? false : null;
}

/** The code in what somebody pasted: a whole link, or what stands behind its `#`. */
export function codeIn(pasted) {
  const text = pasted.trim();
  return text.slice(text.lastIndexOf("#") + 1).trim();
}

export function createApi({ connectionId, token }) {
  const at = (conversationId) =>
    `/v1/connections/${encodeURIComponent(connectionId)}/conversations/${encodeURIComponent(conversationId)}`;
  return {
    read: (conversationId) => call("GET", at(conversationId), { token: token() }),
    accept: (conversationId) => call("POST", `${at(conversationId)}/accept`, { token: token(), key: newKey() }),
    giveBack: (conversationId) => call("POST", `${at(conversationId)}/return`, { token: token(), key: newKey() }),
    signOut: () => call("POST", "/v1/sign-out", { token: token() }),
    /** A page of messages after `seq`. */
    messages: (handoffId, seq) =>
      call("GET", `/v1/handoffs/${encodeURIComponent(handoffId)}/messages?after=${seq}&limit=${MESSAGES_PER_PAGE}`, {
        token: token(),
      }),
    /** Whether the connection that this page is for is still there; true when nobody knows. */
    async isConnected() {
      try {
        return (await fetch(location.pathname, { method: "HEAD", credentials: "omit" })).status !== 404;
      } catch {
        return true;
      }
    },
  };
}
