/**
 * Signing in happens in a window of Baton's own, where its address can be seen: no helpdesk around it sees the code, and no cookie
 * has to cross a site. The two windows speak by messages that only our own origin can send and receive.
 */
export const KIND = "baton-sign-in";

const FEATURES = "popup,width=460,height=560";

/** What a window of our own says about signing in; null for everything else. */
export function saidIn(event, from) {
  if (event.source !== from || event.origin !== location.origin) return null;
  const { data } = event;
  return typeof data === "object" && data !== null && data.kind === KIND ? data : null;
}

export const say = (to, words) => to.postMessage({ kind: KIND, ...words }, location.origin);

/**
 * @param {object} options
 * @param {string} options.connectionId
 * @param {() => boolean} options.isKept whether this frame can keep a session; where it cannot, the window does
 * @param {(session: unknown, isNew: boolean) => boolean} options.onSession takes what the window hands over, signed in
 *   just now or before; false when it is of no use
 * @returns {{ open: () => boolean }} false: the browser let no window open
 */
export function createSignInWindow({ connectionId, isKept, onSession }) {
  let popUp = null;

  addEventListener("message", (event) => {
    if (popUp === null) return;
    const said = saidIn(event, popUp);
    if (said?.step === "ready?") say(popUp, { step: "ready", connectionId, isKept: isKept() });
    if (said?.step === "session")
      say(popUp, { step: onSession(said.session, said.isNew === true) ? "taken" : "refused" });
  });

  return {
    open() {
      popUp = window.open("/apps/sign-in", "baton-sign-in", FEATURES);
      return popUp !== null;
    },
  };
}
