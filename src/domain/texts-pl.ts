import type { LanguageTexts } from "./language-texts.ts";

export const pl: LanguageTexts = {
  messages: {
    connecting: "Łączę z osobą z naszego zespołu.",
    agentJoined: "{{agent}} jest już na czacie.",
    offline: "Nasz zespół jest teraz niedostępny. Wracamy {{opensAt}}.",
    leadPrompt: "Prosimy zostawić dane kontaktowe, a odezwiemy się.",
    leadSuccess: "Dziękujemy. Otrzymaliśmy dane i wkrótce się odezwiemy.",
    custom: "",
    resolved: "Rozmowa z naszym zespołem dobiegła końca. W razie pytań nadal tu jestem.",
    missed: "Przepraszam, nikt z naszego zespołu nie mógł teraz przejąć rozmowy.",
  },
  offlineUnknown: "Nasz zespół jest teraz niedostępny.",
  someone: "osoba z naszego zespołu",
  opening: {
    today: "dzisiaj o {time}",
    weekday: "{weekday} o {time}",
    date: "{weekday}, {day}, o {time}",
    weekdays: ["w poniedziałek", "we wtorek", "w środę", "w czwartek", "w piątek", "w sobotę", "w niedzielę"],
  },
  form: {
    name: "Imię i nazwisko",
    email: "E-mail",
    issue: "Jak możemy pomóc?",
    phone: "Telefon",
    submit: "Wyślij",
    optional: "opcjonalnie",
    terms:
      "Akceptuję regulamin i zgadzam się na wykorzystanie moich danych w celu udzielenia odpowiedzi na moje zapytanie.",
    termsLink: "regulamin",
  },
  faults: {
    required: "Proszę wypełnić to pole.",
    invalid_email: "Proszę podać prawidłowy adres e-mail.",
    invalid_phone: "Proszę podać prawidłowy numer telefonu z kodem kraju, na przykład +48 512 345 678.",
    too_long: "Tekst jest za długi.",
    control_characters: "Tekst zawiera znaki, których nie można tu użyć.",
    terms_not_accepted: "Proszę zaakceptować regulamin.",
  },
  termsPage: {
    title: "Regulamin formularza kontaktowego",
    business: "firma, z którą prowadzona jest rozmowa",
    paragraphs: [
      "Odpowiedzialny za dane: {{business}} („my”).",
      "Co zbieramy: dane wpisane w formularzu (takie jak imię i nazwisko, adres e-mail, numer telefonu i pytanie), rozmowę na tym czacie, oglądane produkty i stronę oraz datę i godzinę.",
      "W jakim celu: wyłącznie, aby odpowiedzieć na zapytanie i skontaktować się w jego sprawie. Nie sprzedajemy danych i nie wykorzystujemy ich do reklamy.",
      "Kto je otrzymuje: nasz zespół oraz usługodawcy, którzy w naszym imieniu obsługują ten czat, naszą pocztę i wiadomości oraz nasz system obsługi klienta. Nikt inny, chyba że wymaga tego prawo.",
      "Jak długo: tak długo, jak są potrzebne do załatwienia sprawy lub wymaga tego prawo, albo do czasu żądania ich usunięcia.",
      "Wolny wybór: podanie danych jest dobrowolne. Zgodę można wycofać w każdej chwili, można też zażądać wglądu w dane, ich poprawienia lub usunięcia: wystarczy napisać do nas na tym czacie lub skorzystać z danych kontaktowych na naszej stronie. To, co zrobiliśmy przed wycofaniem zgody, pozostaje zgodne z prawem.",
    ],
  },
};
