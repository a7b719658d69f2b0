import type { DemoLocale } from "./shop.ts";

/** All that the scripted bot knows. A real bot has a model here; what it must do towards Baton is the same. */
const TOPICS = ["delivery", "returns", "hours", "order"] as const;
type Topic = (typeof TOPICS)[number];

/** What comes to the bot's mind about a visitor's words. */
export type Thought =
  | { readonly kind: "answer"; readonly text: string }
  /** The visitor asks for a person: no answer, a handoff. */
  | { readonly kind: "wants_person" }
  /** Nothing known: the bot says so and offers a person. */
  | { readonly kind: "unknown"; readonly text: string };

const ASKS_FOR_PERSON =
  /\b(?:human|(?:real|live) person|(?:to|with) (?:a |some)(?:person|body|one)|agent|operator|representative|mensch(?:en)?|mitarbeiter(?:in)?|berater(?:in)?|om real|operator uman|persoan[aăe]|consultant)\b|موظف|إنسان|شخص/iu;

const WORDS: Readonly<Record<Topic, RegExp>> = {
  returns:
    /return|refund|send (?:it )?back|rückgabe|zurück|erstatt|umtausch|retur|înapoi|ramburs|إرجاع|استرداد|استبدال/iu,
  hours: /open|hours|close[sd]?\b|öffnung|geöffnet|program|orar|deschis|ساعات|مفتوح|الدوام/iu,
  order: /order|parcel|track|where is my|bestell|paket|sendung|comand|colet|طلبي|الطلب|طرد/iu,
  delivery: /deliver|shipping|ship\b|liefer|versand|livr|transport|توصيل|شحن/iu,
};

interface BotWords {
  readonly greeting: string;
  readonly unknown: string;
  readonly declined: string;
  readonly answers: Readonly<Record<Topic, string>>;
}

const SPEECH: Readonly<Record<DemoLocale, BotWords>> = {
  en: {
    greeting: "Hello! I am the shop's bot. Ask me about delivery, returns, opening hours or an order.",
    unknown: "I am sorry, I have no answer to that. Shall I ask a person to help you?",
    declined:
      "I cannot pass you on from here, but I am glad to help with delivery, returns, opening hours or an order.",
    answers: {
      delivery: "Delivery takes 2 to 4 working days and is free from 50 EUR.",
      returns: "You may send a lamp back within 30 days. The label is in the box, and the money is back in a week.",
      hours: "The shop is open Monday to Saturday, 9:00 to 18:00.",
      order: "Orders leave our workshop within a day. The link in your confirmation mail shows where the parcel is.",
    },
  },
  de: {
    greeting:
      "Hallo! Ich bin der Bot des Ladens. Fragen Sie mich nach Lieferung, Rückgabe, Öffnungszeiten oder einer Bestellung.",
    unknown: "Darauf habe ich leider keine Antwort. Soll ich einen Menschen dazuholen?",
    declined:
      "Weiterleiten kann ich von hier aus nicht, aber bei Lieferung, Rückgabe, Öffnungszeiten oder einer Bestellung helfe ich gern.",
    answers: {
      delivery: "Die Lieferung dauert 2 bis 4 Werktage und ist ab 50 EUR kostenlos.",
      returns:
        "Sie können eine Lampe 30 Tage lang zurückschicken. Der Aufkleber liegt im Karton, das Geld ist in einer Woche da.",
      hours: "Der Laden ist montags bis samstags von 9 bis 18 Uhr geöffnet.",
      order:
        "Bestellungen verlassen unsere Werkstatt binnen eines Tages. Wo das Paket ist, zeigt der Link in Ihrer Bestätigungsmail.",
    },
  },
  ro: {
    greeting: "Bună! Sunt botul magazinului. Întrebați-mă despre livrare, retur, program sau o comandă.",
    unknown: "Îmi pare rău, nu am un răspuns la asta. Să chem un coleg?",
    declined:
      "De aici nu vă pot transfera, dar vă ajut cu plăcere în privința livrării, a returului, a programului sau a unei comenzi.",
    answers: {
      delivery: "Livrarea durează 2-4 zile lucrătoare și este gratuită de la 50 EUR.",
      returns: "Puteți returna o lampă în 30 de zile. Eticheta este în cutie, iar banii ajung într-o săptămână.",
      hours: "Magazinul este deschis de luni până sâmbătă, între 9:00 și 18:00.",
      order:
        "Comenzile pleacă din atelier în cel mult o zi. Linkul din e-mailul de confirmare arată unde este coletul.",
    },
  },
  ar: {
    greeting: "مرحبًا! أنا روبوت المتجر. اسألني عن التوصيل أو الإرجاع أو ساعات العمل أو طلب لديك.",
    unknown: "عذرًا، لا أعرف الجواب. هل أطلب من أحد زملائي مساعدتك؟",
    declined: "لا أستطيع تحويلك من هنا، لكن يسعدني أن أساعدك في التوصيل أو الإرجاع أو ساعات العمل أو الطلبات.",
    answers: {
      delivery: "يستغرق التوصيل من يومين إلى أربعة أيام عمل، وهو مجاني ابتداءً من 50 يورو.",
      returns: "يمكنك إرجاع المصباح خلال 30 يومًا. الملصق داخل العلبة، ويعود المبلغ خلال أسبوع.",
      hours: "المتجر مفتوح من الاثنين إلى السبت، من 9:00 إلى 18:00.",
      order: "تغادر الطلبات ورشتنا خلال يوم واحد. يبيّن الرابط في رسالة التأكيد مكان الطرد.",
    },
  },
};

export const greeting = (locale: DemoLocale): string => SPEECH[locale].greeting;

/** What the bot says when Baton declines: nothing about a person. */
export const declinedWords = (locale: DemoLocale): string => SPEECH[locale].declined;

/** What the bot makes of a visitor's words, in the language of the conversation. */
export function think(text: string, locale: DemoLocale): Thought {
  if (ASKS_FOR_PERSON.test(text)) return { kind: "wants_person" };
  // In this order, since "return my order" is about returning.
  const topic = (["returns", "hours", "order", "delivery"] as const).find((one) => WORDS[one].test(text));
  if (topic === undefined) return { kind: "unknown", text: SPEECH[locale].unknown };
  return { kind: "answer", text: SPEECH[locale].answers[topic] };
}
