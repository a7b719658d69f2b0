import type { LanguageTexts } from "./language-texts.ts";

export const pt: LanguageTexts = {
  messages: {
    connecting: "Vou chamar uma pessoa da nossa equipe para falar com você.",
    agentJoined: "{{agent}} entrou no chat.",
    offline: "Nossa equipe não está disponível no momento. Voltamos {{opensAt}}.",
    leadPrompt: "Deixe seus dados e entraremos em contato com você.",
    leadSuccess: "Agradecemos o contato. Recebemos seus dados e vamos responder.",
    custom: "",
    resolved: "A conversa com a nossa equipe terminou. Continuo aqui se precisar de algo mais.",
    missed: "Lamento, ninguém da nossa equipe conseguiu atender agora.",
  },
  offlineUnknown: "Nossa equipe não está disponível no momento.",
  someone: "uma pessoa da nossa equipe",
  opening: {
    today: "hoje às {time}",
    weekday: "{weekday} às {time}",
    date: "{weekday}, {day}, às {time}",
    elisions: [["às 1:", "à 1:"]],
  },
  form: {
    name: "Nome",
    email: "E-mail",
    issue: "Como podemos ajudar?",
    phone: "Telefone",
    submit: "Enviar",
    optional: "opcional",
    terms: "Aceito os termos e condições e concordo com o uso dos meus dados para responder ao meu pedido.",
    termsLink: "termos e condições",
  },
  faults: {
    required: "Preencha este campo.",
    invalid_email: "Informe um endereço de e-mail válido.",
    invalid_phone: "Informe um número de telefone válido com o código do país, por exemplo, +55 11 91234-5678.",
    too_long: "O texto é longo demais.",
    control_characters: "Contém caracteres que não podem ser usados aqui.",
    terms_not_accepted: "Aceite os termos e condições.",
  },
  termsPage: {
    title: "Termos e condições para deixar seus dados",
    business: "a empresa com a qual você está conversando",
    paragraphs: [
      "Responsável pelos seus dados: {{business}} (“nós”).",
      "O que coletamos: o que você escreve no formulário (como nome, e-mail, telefone e pergunta), sua conversa neste chat, os produtos e a página que você estava vendo, e a data e a hora.",
      "Para quê: somente para responder ao seu pedido e entrar em contato com você sobre ele. Não vendemos seus dados nem os usamos para publicidade.",
      "Quem os recebe: nossa equipe e os prestadores de serviços que operam por nossa conta este chat, nosso e-mail e mensagens e nosso sistema de atendimento. Ninguém mais, salvo se a lei exigir.",
      "Por quanto tempo: enquanto precisarmos deles para atender ao seu pedido ou a lei exigir, ou até que você peça para apagá-los.",
      "Sua escolha: deixar seus dados é voluntário. Você pode retirar seu consentimento a qualquer momento e pedir para ver, corrigir ou apagar seus dados: escreva para nós neste chat ou use os contatos do nosso site. O que fizemos antes da retirada continua sendo lícito.",
    ],
  },
};
