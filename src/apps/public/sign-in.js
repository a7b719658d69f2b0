import { codeIn, isSignedIn, signIn } from "./api.js";
import { byId, write } from "./dom.js";
import { saidIn, say } from "./pop-up.js";
import { createSession } from "./session.js";

/** The window in which a member signs in, for the frame that opened it. A link is used up by its form, and by nothing before. */

/** The frame that opened us answers at once; anybody else never does. */
const ANSWER_WITHIN_MS = 2_000;

const given = codeIn(location.hash);
// Out of the address bar, and out of what the browser remembers of it.
if (location.hash !== "") history.replaceState(null, "", location.pathname);

const { opener } = window;
let session = null;
/** What this window keeps for a frame that can keep nothing; null for one that can. */
let keeper = null;

const unanswered = setTimeout(showLonely, opener === null ? 0 : ANSWER_WITHIN_MS);

addEventListener("message", (event) => {
  if (opener === null) return;
  const said = saidIn(event, opener);
  if (said?.step === "ready") void begin(said);
  if (said?.step === "taken") finish();
  if (said?.step === "refused")
    fault("Baton's tab in Chatwoot did not take the sign-in. Close this window and try again.");
});
if (opener !== null) say(opener, { step: "ready?" });

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void submit();
});
byId("copy").addEventListener("click", () => void copy());

async function begin({ connectionId, isKept }) {
  clearTimeout(unanswered);
  if (typeof connectionId === "string" && isKept === false) keeper = createSession(connectionId, "localStorage");
  // A new link is for a new sign-in; without one, who signed in here before goes on.
  const before = given === "" ? (keeper?.current ?? null) : null;
  const stands = before === null ? false : await isSignedIn(before);
  if (stands === true) {
    session = before;
    say(opener, { step: "session", session, isNew: false });
    return;
  }
  if (stands === false) keeper?.end();
  showForm();
}

function showForm() {
  write("text", "Paste the sign-in link that your admin gave you. It works once, within 15 minutes.");
  byId("copying").hidden = true;
  byId("form").hidden = false;
  if (given !== "") byId("code").value = given;
  byId("code").focus();
}

async function submit() {
  fault("");
  byId("submit").disabled = true;
  // A session that was not taken is offered again: its code is used up.
  const answer =
    session === null
      ? await signIn(codeIn(byId("code").value), byId("second-code").value)
      : { state: "answered", body: session };
  byId("submit").disabled = false;
  if (answer.state !== "answered") {
    fault(answer.detail || "Baton can't be reached right now. Try again in a moment.");
    if (answer.state === "second-factor") byId("second").hidden = false;
    byId(byId("second").hidden ? "code" : "second-code").select();
    return;
  }
  session = answer.body;
  keeper?.begin(session);
  say(opener, { step: "session", session, isNew: true });
}

function finish() {
  byId("form").hidden = true;
  write("title", `Signed in as ${session?.name ?? "yourself"}`);
  write("text", "Go on in Chatwoot. You can close this window.");
  byId("title").focus();
  window.close();
}

/** Opened by hand, or by some other page: a code given here would be used up for nothing. */
function showLonely() {
  write("title", given === "" ? "Sign in from inside Chatwoot" : "Take this link to Chatwoot");
  write(
    "text",
    `Open a conversation in Chatwoot, choose Baton's tab beside its messages and press “Sign in to Baton”.${
      given === "" ? "" : " Then paste this link there. It works once."
    }`,
  );
  byId("copying").hidden = given === "";
  byId("own-link").value = given === "" ? "" : `${location.origin}${location.pathname}#${given}`;
}

async function copy() {
  byId("own-link").select();
  try {
    await navigator.clipboard.writeText(byId("own-link").value);
    write("copied", "Copied.");
  } catch {
    write("copied", "Press Ctrl+C or ⌘C to copy it.");
  }
}

function fault(words) {
  write("fault", words);
}
