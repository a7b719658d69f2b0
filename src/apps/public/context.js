/**
 * What the helpdesk tells the frame about where it stands. Chatwoot posts a JSON string to anybody, and anybody can post one to
 * us: only the window around us is heard, and only from the origin that the connection names. What it says is still no more than
 * a hint as to which conversation to ask Baton for.
 */

/** A context holds a whole conversation, so it is long; nothing is longer than this. */
const LONGEST_CHARACTERS = 8_000_000;
const ASK = "chatwoot-dashboard-app:fetch-info";
const ASK_AT_MS = [0, 400, 1_500, 4_000];

/** A key of the object itself: not one that every object has. */
const own = (value, key) =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key) ? value[key] : undefined;

/**
 * The id of the conversation that a context names; null for whatever is no context.
 *
 * @param {unknown} data of a message
 */
export function conversationIn(data) {
  if (typeof data !== "string" || data.length > LONGEST_CHARACTERS) return null;
  let told;
  try {
    told = JSON.parse(data);
  } catch {
    return null;
  }
  if (own(told, "event") !== "appContext") return null;
  const id = own(own(own(told, "data"), "conversation"), "id");
  const text = typeof id === "number" || typeof id === "string" ? String(id) : "";
  return /^[1-9]\d{0,14}$/.test(text) ? text : null;
}

/**
 * Hears of conversations, and asks for the one that is open.
 *
 * @param {object} options
 * @param {string} options.origin of the helpdesk
 * @param {(conversationId: string) => void} options.onConversation
 * @param {() => void} options.onSilence asked several times, and nothing came
 * @returns {{ ask: () => void }}
 */
export function followContext({ origin, onConversation, onSilence }) {
  let timers = [];
  let isAnswered = false;

  addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== origin) return;
    const id = conversationIn(event.data);
    if (id === null) return;
    isAnswered = true;
    stopAsking();
    onConversation(id);
  });

  function stopAsking() {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
  }

  return {
    ask() {
      stopAsking();
      timers = ASK_AT_MS.map((ms) => setTimeout(() => window.parent.postMessage(ASK, origin), ms));
      if (!isAnswered) timers.push(setTimeout(onSilence, ASK_AT_MS.at(-1) + 2_000));
    },
  };
}
