import type { LanguageTexts } from "./language-texts.ts";

export const nl: LanguageTexts = {
  messages: {
    connecting: "Ik verbind u door met iemand van ons team.",
    agentJoined: "{{agent}} is nu in de chat.",
    offline: "Ons team is op dit moment niet beschikbaar. We zijn {{opensAt}} weer bereikbaar.",
    leadPrompt: "Laat uw gegevens achter, dan nemen we contact met u op.",
    leadSuccess: "Bedankt. We hebben uw gegevens ontvangen en nemen contact met u op.",
    custom: "",
    resolved: "Het gesprek met ons team is afgelopen. Ik ben er nog als u iets anders nodig hebt.",
    missed: "Het spijt me, niemand van ons team kon het gesprek nu overnemen.",
  },
  offlineUnknown: "Ons team is op dit moment niet beschikbaar.",
  someone: "iemand van ons team",
  opening: {
    today: "vandaag om {time} uur",
    weekday: "{weekday} om {time} uur",
    date: "{weekday} {day} om {time} uur",
  },
  form: {
    name: "Naam",
    email: "E-mail",
    issue: "Hoe kunnen we u helpen?",
    phone: "Telefoon",
    submit: "Versturen",
    optional: "optioneel",
    terms:
      "Ik accepteer de voorwaarden en ga ermee akkoord dat mijn gegevens worden gebruikt om mijn vraag te beantwoorden.",
    termsLink: "voorwaarden",
  },
  faults: {
    required: "Vul dit veld in.",
    invalid_email: "Vul een geldig e-mailadres in.",
    invalid_phone: "Vul een geldig telefoonnummer met landcode in, bijvoorbeeld +31 6 12345678.",
    too_long: "De tekst is te lang.",
    control_characters: "De tekst bevat tekens die hier niet kunnen worden gebruikt.",
    terms_not_accepted: "Accepteer de voorwaarden.",
  },
  termsPage: {
    title: "Voorwaarden voor het achterlaten van uw gegevens",
    business: "het bedrijf waarmee u chat",
    paragraphs: [
      "Verantwoordelijk voor uw gegevens: {{business}} (“wij”).",
      "Wat we verzamelen: wat u in het formulier invult (zoals uw naam, e-mailadres, telefoonnummer en vraag), uw gesprek in deze chat, de producten en de pagina die u bekeek, en de datum en tijd.",
      "Waarvoor: alleen om uw vraag te beantwoorden en daarover contact met u op te nemen. We verkopen uw gegevens niet en gebruiken ze niet voor reclame.",
      "Wie ze ontvangt: ons team en de dienstverleners die namens ons deze chat, onze e-mail en berichten en ons klantenservicesysteem beheren. Niemand anders, tenzij de wet dat vereist.",
      "Hoe lang: zolang we ze nodig hebben om uw vraag af te handelen of de wet dat vereist, of totdat u ons vraagt ze te wissen.",
      "Uw keuze: u laat uw gegevens vrijwillig achter. U kunt uw toestemming op elk moment intrekken en ons vragen uw gegevens te tonen, te corrigeren of te wissen: schrijf ons in deze chat of gebruik de contactgegevens op onze website. Wat we vóór de intrekking hebben gedaan, blijft rechtmatig.",
    ],
  },
};
