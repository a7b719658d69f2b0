import type { LanguageTexts } from "./language-texts.ts";

export const ro: LanguageTexts = {
  messages: {
    connecting: "Vă pun în legătură cu o persoană din echipa noastră.",
    agentJoined: "{{agent}} a intrat în conversație.",
    offline: "Echipa noastră nu este disponibilă în acest moment. Revenim {{opensAt}}.",
    leadPrompt: "Lăsați-ne datele dumneavoastră și vă vom contacta.",
    leadSuccess: "Vă mulțumim. Am primit datele dumneavoastră și vă vom contacta.",
    custom: "",
    resolved: "Conversația cu echipa noastră s-a încheiat. Sunt aici dacă mai aveți nevoie de ceva.",
    missed: "Îmi pare rău, nimeni din echipa noastră nu a putut prelua conversația acum.",
  },
  offlineUnknown: "Echipa noastră nu este disponibilă în acest moment.",
  someone: "o persoană din echipa noastră",
  opening: {
    today: "astăzi la ora {time}",
    weekday: "{weekday} la ora {time}",
    date: "{weekday}, {day}, la ora {time}",
  },
  form: {
    name: "Nume",
    email: "E-mail",
    issue: "Cu ce vă putem ajuta?",
    phone: "Telefon",
    submit: "Trimiteți",
    optional: "opțional",
    terms:
      "Accept termenii și condițiile și sunt de acord ca datele mele să fie folosite pentru a răspunde solicitării mele.",
    termsLink: "termenii și condițiile",
  },
  faults: {
    required: "Completați acest câmp.",
    invalid_email: "Introduceți o adresă de e-mail validă.",
    invalid_phone: "Introduceți un număr de telefon valid, cu prefixul țării, de exemplu +40 721 234 567.",
    too_long: "Textul este prea lung.",
    control_characters: "Textul conține caractere care nu pot fi folosite aici.",
    terms_not_accepted: "Acceptați termenii și condițiile.",
  },
  termsPage: {
    title: "Termeni și condiții pentru trimiterea datelor",
    business: "compania cu care discutați",
    paragraphs: [
      "Responsabil pentru datele dumneavoastră: {{business}} („noi”).",
      "Ce colectăm: ceea ce scrieți în formular (de exemplu numele, adresa de e-mail, telefonul și întrebarea), conversația din acest chat, produsele și pagina pe care le vizualizați, precum și data și ora.",
      "În ce scop: doar pentru a răspunde solicitării dumneavoastră și pentru a vă contacta în legătură cu ea. Nu vindem datele și nu le folosim în scopuri publicitare.",
      "Cine le primește: echipa noastră și furnizorii care administrează în numele nostru acest chat, e-mailul și mesageria, precum și sistemul nostru de asistență pentru clienți. Nimeni altcineva, cu excepția cazurilor cerute de lege.",
      "Cât timp: cât avem nevoie de ele pentru a vă rezolva solicitarea sau cât cere legea, ori până când ne cereți să le ștergem.",
      "Alegerea dumneavoastră: trimiterea datelor este voluntară. Vă puteți retrage oricând consimțământul și ne puteți cere să vă arătăm, să corectăm sau să ștergem datele: scrieți-ne în acest chat sau folosiți datele de contact de pe site-ul nostru. Ceea ce am făcut înainte de retragere rămâne legal.",
    ],
  },
};
