import type { LanguageTexts } from "./language-texts.ts";

export const de: LanguageTexts = {
  messages: {
    connecting: "Ich verbinde Sie mit einer Person aus unserem Team.",
    agentJoined: "{{agent}} ist jetzt im Chat.",
    offline: "Unser Team ist gerade nicht erreichbar. Wir sind {{opensAt}} wieder da.",
    leadPrompt: "Hinterlassen Sie uns Ihre Kontaktdaten, und wir melden uns bei Ihnen.",
    leadSuccess: "Vielen Dank. Wir haben Ihre Angaben erhalten und melden uns bei Ihnen.",
    custom: "",
    resolved: "Der Chat mit unserem Team ist beendet. Ich bin weiterhin da, wenn Sie noch etwas brauchen.",
    missed: "Es tut mir leid, gerade konnte niemand aus unserem Team übernehmen.",
  },
  offlineUnknown: "Unser Team ist gerade nicht erreichbar.",
  someone: "eine Person aus unserem Team",
  opening: {
    today: "heute um {time} Uhr",
    weekday: "am {weekday} um {time} Uhr",
    date: "am {weekday}, {day}, um {time} Uhr",
  },
  form: {
    name: "Name",
    email: "E-Mail",
    issue: "Wie können wir helfen?",
    phone: "Telefon",
    submit: "Senden",
    optional: "optional",
    terms:
      "Ich akzeptiere die Nutzungsbedingungen und bin einverstanden, dass meine Angaben zur Beantwortung meiner Anfrage verwendet werden.",
    termsLink: "Nutzungsbedingungen",
  },
  faults: {
    required: "Bitte füllen Sie dieses Feld aus.",
    invalid_email: "Bitte geben Sie eine gültige E-Mail-Adresse ein.",
    invalid_phone: "Bitte geben Sie eine gültige Telefonnummer mit Landesvorwahl ein, zum Beispiel +49 30 901820.",
    too_long: "Der Text ist zu lang.",
    control_characters: "Der Text enthält Zeichen, die hier nicht verwendet werden können.",
    terms_not_accepted: "Bitte akzeptieren Sie die Nutzungsbedingungen.",
  },
  termsPage: {
    title: "Nutzungsbedingungen für das Kontaktformular",
    business: "das Unternehmen, mit dem Sie chatten",
    paragraphs: [
      "Verantwortlich für Ihre Daten: {{business}} („wir“).",
      "Was wir erfassen: Ihre Eingaben im Formular (etwa Name, E-Mail-Adresse, Telefonnummer und Anliegen), Ihr Gespräch in diesem Chat, die Produkte und die Seite, die Sie angesehen haben, sowie Datum und Uhrzeit.",
      "Wofür: ausschließlich, um Ihre Anfrage zu beantworten und Sie dazu zu kontaktieren. Wir verkaufen Ihre Daten nicht und verwenden sie nicht für Werbung.",
      "Wer sie erhält: unser Team sowie die Dienstleister, die in unserem Auftrag diesen Chat, unsere E-Mails und Nachrichten und unser Kundenservice-System betreiben. Sonst niemand, es sei denn, das Gesetz verlangt es.",
      "Wie lange: solange wir sie zur Bearbeitung Ihrer Anfrage brauchen oder das Gesetz es verlangt, oder bis Sie die Löschung verlangen.",
      "Ihre Entscheidung: Ihre Angaben sind freiwillig. Sie können Ihre Einwilligung jederzeit widerrufen und Auskunft, Berichtigung oder Löschung Ihrer Daten verlangen: Schreiben Sie uns in diesem Chat oder über die Kontaktdaten auf unserer Website. Was bis zum Widerruf geschehen ist, bleibt rechtmäßig.",
    ],
  },
};
