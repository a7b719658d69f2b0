/** A refusal in the API's words: `code` to branch on, `faults` beside their fields. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `The server answered ${status}`);
    this.status = status;
    this.code = problem?.code ?? "unknown";
    this.faults = problem?.faults ?? [];
  }
}

const TRIES = 3;
const LONGEST_WAIT_SECONDS = 5;

/** Calls the API, or the demo's bot. The token goes into a header, never into an address. */
export async function call(method, path, { token, body } = {}) {
  const headers = {};
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const request = {
    method,
    headers,
    credentials: "omit",
    referrerPolicy: "no-referrer",
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  let response = await fetch(path, request);
  // Asked to come again: what is sent names itself, so that twice is once.
  for (let tries = 1; tries < TRIES && waitOf(response) !== null; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, waitOf(response) * 1000));
    response = await fetch(path, request);
  }
  const isJson = response.headers.get("content-type")?.includes("json");
  const told = isJson ? await response.json() : null;
  if (!response.ok) throw new Refused(response.status, told);
  return told;
}

function waitOf({ status, headers }) {
  const seconds = Number(headers.get("retry-after"));
  return [429, 503].includes(status) && seconds > 0 && seconds <= LONGEST_WAIT_SECONDS ? seconds : null;
}
