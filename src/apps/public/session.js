/**
 * Who is signed in. Kept in the frame's own storage, which lasts as long as the tab; where the browser gives a frame none, in
 * memory, which ends with the frame.
 */
export function createSession(connectionId) {
  const key = `baton.session.${connectionId}`;
  const storage = storageOf();
  let current = read();

  function read() {
    try {
      const kept = JSON.parse(storage?.getItem(key) ?? "null");
      return sessionIn(kept);
    } catch {
      return null;
    }
  }

  return {
    /** `{ token, name }`, or null. */
    get current() {
      return current;
    },
    /** False: whoever opens the next conversation has to sign in again. */
    get isKept() {
      return storage !== null;
    },
    /** True when what was given is a session. */
    begin(given) {
      const session = sessionIn(given);
      if (session === null) return false;
      current = session;
      try {
        storage?.setItem(key, JSON.stringify(session));
      } catch {
        // Full or forbidden: it lasts as long as the frame.
      }
      return true;
    },
    end() {
      current = null;
      try {
        storage?.removeItem(key);
      } catch {
        // There was none.
      }
    },
  };
}

/** From an answer of Baton's, or from storage. */
export function sessionIn(given) {
  if (typeof given !== "object" || given === null) return null;
  const { token, name } = given;
  return typeof token === "string" && token !== "" && typeof name === "string" ? { token, name } : null;
}

/** With third-party storage forbidden, even to ask for it throws. */
function storageOf() {
  try {
    const storage = window.sessionStorage;
    storage.getItem("baton");
    return storage;
  } catch {
    return null;
  }
}
