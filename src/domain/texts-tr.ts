import type { LanguageTexts } from "./language-texts.ts";

export const tr: LanguageTexts = {
  messages: {
    connecting: "Sizi ekibimizden birine bağlıyorum.",
    agentJoined: "{{agent}} sohbete katıldı.",
    offline: "Ekibimiz şu anda müsait değil. Yeniden hizmetinizde olacağımız zaman: {{opensAt}}.",
    leadPrompt: "İletişim bilgilerinizi bırakın, size geri dönelim.",
    leadSuccess: "Teşekkür ederiz. Bilgilerinizi aldık, size geri döneceğiz.",
    custom: "",
    resolved: "Ekibimizle görüşmeniz sona erdi. Başka bir ihtiyacınız olursa buradayım.",
    missed: "Üzgünüm, şu anda ekibimizden kimse görüşmeyi devralamadı.",
  },
  offlineUnknown: "Ekibimiz şu anda müsait değil.",
  someone: "ekibimizden biri",
  opening: { today: "bugün saat {time}", weekday: "{weekday} saat {time}", date: "{day} {weekday} saat {time}" },
  form: {
    name: "Ad soyad",
    email: "E-posta",
    issue: "Size nasıl yardımcı olabiliriz?",
    phone: "Telefon",
    submit: "Gönder",
    optional: "isteğe bağlı",
    terms: "Şartlar ve koşulları kabul ediyorum; bilgilerimin talebimi yanıtlamak için kullanılmasını onaylıyorum.",
    termsLink: "Şartlar ve koşulları",
  },
  faults: {
    required: "Lütfen bu alanı doldurun.",
    invalid_email: "Lütfen geçerli bir e-posta adresi girin.",
    invalid_phone: "Lütfen ülke koduyla birlikte geçerli bir telefon numarası girin, örneğin +90 532 123 45 67.",
    too_long: "Bu metin çok uzun.",
    control_characters: "Bu metin burada kullanılamayan karakterler içeriyor.",
    terms_not_accepted: "Lütfen şartlar ve koşulları kabul edin.",
  },
  termsPage: {
    title: "Bilgilerinizi bırakmaya ilişkin şartlar ve koşullar",
    business: "sohbet ettiğiniz işletme",
    paragraphs: [
      "Bilgilerinizden sorumlu olan: {{business}} (“biz”).",
      "Neleri topluyoruz: forma yazdıklarınızı (adınız, e-posta adresiniz, telefon numaranız ve sorunuz gibi), bu sohbetteki görüşmenizi, baktığınız ürünleri ve sayfayı, tarihi ve saati.",
      "Ne için: yalnızca talebinizi yanıtlamak ve bu konuda sizinle iletişim kurmak için. Bilgilerinizi satmayız ve reklam için kullanmayız.",
      "Kimlere ulaşır: ekibimize ve bu sohbeti, e-posta ve mesajlaşma hizmetlerimizi ve müşteri destek sistemimizi bizim adımıza işleten hizmet sağlayıcılara. Yasa gerektirmedikçe başka kimseye ulaşmaz.",
      "Ne kadar süreyle: talebinizle ilgilenmek için ihtiyaç duyduğumuz veya yasanın gerektirdiği sürece ya da silmemizi isteyene kadar.",
      "Seçim sizin: bilgilerinizi bırakmak isteğe bağlıdır. Onayınızı istediğiniz zaman geri çekebilir, bilgilerinizi görmeyi, düzeltmemizi veya silmemizi isteyebilirsiniz: bize bu sohbetten yazın veya web sitemizdeki iletişim bilgilerini kullanın. Onayınızı geri çekmenizden önce yapılanlar hukuka uygun kalır.",
    ],
  },
};
