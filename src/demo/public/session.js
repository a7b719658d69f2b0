const KEY = "baton-demo";
const FRESH = {
  conversationId: null,
  visitorToken: null,
  lastEvent: 0,
  /** The contact form that is shown: `{handoffId, locale, form}`. */
  form: null,
  /** Of the last answer to a request for a person. */
  decision: null,
  guidance: null,
  /** The last events, for the inspector. */
  events: [],
  locale: null,
  open: null,
  deskIsOnline: false,
};

/** What survives a reload of this tab, and ends with it. */
export function loadSession() {
  let kept = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  } catch {
    // Storage may be switched off: the chat works, and begins anew after a reload.
  }
  const session = { ...FRESH, ...kept };
  return {
    get: () => session,
    set(patch) {
      Object.assign(session, patch);
      try {
        sessionStorage.setItem(KEY, JSON.stringify(session));
      } catch {
        // As above.
      }
    },
    /** A new conversation: language, panel and desk stay as they are. */
    restart() {
      const { locale, open, deskIsOnline } = session;
      this.set({ ...FRESH, locale, open, deskIsOnline });
    },
  };
}
