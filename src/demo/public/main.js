import { createChat } from "./chat.js";
import { createDesk } from "./desk.js";
import { byId } from "./dom.js";
import { inspector } from "./inspector.js";
import { loadSession } from "./session.js";
import { browserLocale, locale, speak, word } from "./words.js";

const session = loadSession();
let desk = { look: () => {} };

speak(session.get().locale ?? browserLocale());
byId("language").value = locale();
inspector.decision(session.get().decision, session.get().guidance);
inspector.events(session.get().events);

const chat = createChat({ session, onNews: () => desk.look() });

function open(isOpen, { focus } = { focus: true }) {
  session.set({ open: isOpen });
  byId("dock").classList.toggle("closed", !isOpen);
  document.body.classList.toggle("dock-open", isOpen);
  byId("launcher").setAttribute("aria-expanded", String(isOpen));
  if (focus) byId(isOpen ? "text" : "launcher").focus();
}

// On a small screen the chat would hide the shop: there it waits to be asked for.
open(session.get().open ?? window.matchMedia("(min-width: 68rem)").matches, { focus: false });

byId("launcher").onclick = () => open(true);
byId("close").onclick = () => open(false);
byId("chat").addEventListener("keydown", (event) => {
  if (event.key === "Escape") open(false);
});

byId("language").onchange = () => {
  speak(byId("language").value);
  session.set({ locale: locale() });
  void chat.speakLanguage();
};

const text = byId("text");
byId("composer").onsubmit = (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === "") return;
  text.value = "";
  chat.send(words);
};
for (const field of [text, byId("desk-text")]) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit();
  });
}

byId("person").onclick = () => void chat.askForPerson();
byId("offer-yes").onclick = () => void chat.askForPerson();
byId("offer-no").onclick = () => {
  byId("offer").hidden = true;
  text.focus();
};
byId("end").onclick = () => void chat.end();
byId("restart").onclick = () => void chat.restart();
for (const button of document.querySelectorAll("[data-product]")) {
  button.onclick = () => {
    void chat.lookAt(button.dataset.product);
    text.value = `${word("about")}${word(button.dataset.product)}. `;
    open(true);
  };
}

void chat.begin();
desk = await createDesk({ session });
