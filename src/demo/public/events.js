const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Follows server-sent events by fetch, since EventSource could send the token in the address only. A lost connection is
 * taken up again after the last event that was seen: none is missed, none comes twice.
 *
 * @param {object} options
 * @param {string} options.path
 * @param {string} options.token
 * @param {number} options.after the last event seen
 * @param {(event: object) => void} options.onEvent
 * @param {(state: "open" | "closed" | "connecting" | "refused") => void} options.onState
 * @returns {() => void} stops
 */
export function followEvents({ path, token, after, onEvent, onState }) {
  const stopped = new AbortController();
  let last = after;
  let wait = FIRST_WAIT_MS;

  async function readOnce() {
    const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream" };
    if (last > 0) headers["Last-Event-ID"] = String(last);
    const response = await fetch(path, { headers, credentials: "omit", signal: stopped.signal });
    if (response.status === 401 || response.status === 403 || response.status === 404) return "refused";
    if (!response.ok || response.body === null) return "again";
    onState("open");
    wait = FIRST_WAIT_MS;
    let text = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return "again";
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) take(block);
    }
  }

  function take(block) {
    const fields = new Map(
      block
        .split("\n")
        .filter((line) => !line.startsWith(":") && line.includes(": "))
        .map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
    );
    const id = Number(fields.get("id"));
    if (!fields.has("data") || !(id > last)) return;
    last = id;
    onEvent(JSON.parse(fields.get("data")));
  }

  async function follow() {
    while (!stopped.signal.aborted) {
      onState("connecting");
      const outcome = await readOnce().catch(() => "again");
      if (stopped.signal.aborted) return;
      onState(outcome === "refused" ? "refused" : "closed");
      if (outcome === "refused") return;
      // Spread out, so that a restarted server is not met by everybody at once.
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }
  void follow();
  return () => stopped.abort();
}
