import type { LanguageTexts } from "./language-texts.ts";

export const it: LanguageTexts = {
  messages: {
    connecting: "La metto in contatto con una persona del nostro team.",
    agentJoined: "{{agent}} è ora in chat.",
    offline: "Il nostro team al momento non è disponibile. Torniamo {{opensAt}}.",
    leadPrompt: "Ci lasci i suoi dati e la ricontatteremo.",
    leadSuccess: "Grazie. Abbiamo ricevuto i suoi dati e la ricontatteremo.",
    custom: "",
    resolved: "La conversazione con il nostro team è terminata. Sono qui se ha bisogno di altro.",
    missed: "Mi dispiace, al momento nessuno del nostro team ha potuto rispondere.",
  },
  offlineUnknown: "Il nostro team al momento non è disponibile.",
  someone: "una persona del nostro team",
  opening: {
    today: "oggi alle {time}",
    weekday: "{weekday} alle {time}",
    date: "{weekday} {day} alle {time}",
    elisions: [["alle 1:", "all’1:"]],
  },
  form: {
    name: "Nome",
    email: "E-mail",
    issue: "Come possiamo aiutarla?",
    phone: "Telefono",
    submit: "Invia",
    optional: "facoltativo",
    terms: "Accetto i termini e condizioni e l’uso dei miei dati per rispondere alla mia richiesta.",
    termsLink: "termini e condizioni",
  },
  faults: {
    required: "Compili questo campo.",
    invalid_email: "Inserisca un indirizzo e-mail valido.",
    invalid_phone: "Inserisca un numero di telefono valido con il prefisso del paese, ad esempio +39 312 345 6789.",
    too_long: "Il testo è troppo lungo.",
    control_characters: "Contiene caratteri che non si possono usare qui.",
    terms_not_accepted: "Accetti i termini e condizioni.",
  },
  termsPage: {
    title: "Termini e condizioni per lasciare i suoi dati",
    business: "l’azienda con cui sta chattando",
    paragraphs: [
      "Responsabile dei suoi dati: {{business}} («noi»).",
      "Che cosa raccogliamo: ciò che scrive nel modulo (come nome, indirizzo e-mail, telefono e richiesta), la sua conversazione in questa chat, i prodotti e la pagina che stava guardando, la data e l’ora.",
      "A quale scopo: solo per rispondere alla sua richiesta e contattarla in merito. Non vendiamo i suoi dati e non li usiamo per la pubblicità.",
      "Chi li riceve: il nostro team e i fornitori che gestiscono per nostro conto questa chat, le nostre e-mail e i nostri messaggi e il nostro sistema di assistenza clienti. Nessun altro, salvo obbligo di legge.",
      "Per quanto tempo: finché ci servono per gestire la sua richiesta o la legge lo richiede, oppure fino a quando ci chiede di cancellarli.",
      "La sua scelta: lasciare i dati è facoltativo. Può revocare il consenso in qualsiasi momento e chiederci di mostrare, correggere o cancellare i suoi dati: ci scriva in questa chat o usi i recapiti indicati sul nostro sito. Quanto fatto prima della revoca resta lecito.",
    ],
  },
};
